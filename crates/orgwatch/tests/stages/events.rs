//! Builds stored events and log files line by line.

use model::Timestamp;
use model::time::DAY;
use serde_json::{Value, json};
use std::fmt::Write;

/// Monday.
pub(crate) const START: Timestamp = Timestamp(1_767_571_200_000);

/// Lines of stored events, each with an identifier of its own.
#[derive(Default)]
pub(crate) struct Events {
    lines: Vec<(Timestamp, String)>,
}

impl Events {
    /// An event of `kind` with the common fields; `fields` come beside or instead of them.
    pub(crate) fn add(&mut self, kind: &str, user: &str, at: Timestamp, fields: Value) {
        let number = self.lines.len() + 1;
        let mut event = json!({
            "attributes": { "type": kind },
            "EventIdentifier": format!("6b1f0a52-7c39-4d1e-9b0a-{number:012x}"),
            "EventDate": at.to_string(),
            "CreatedDate": at.plus(4_000).to_string(),
            "UserId": user,
            "Username": format!("{}@example.com", user.to_lowercase()),
            "SessionKey": format!("session-{user}"),
            "LoginKey": format!("login-{user}"),
            "SourceIp": "198.51.100.23",
        });
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        self.lines.push((at, event.to_string()));
    }

    pub(crate) fn list_view(&mut self, user: &str, at: Timestamp, object: &str, name: &str, rows: u64) {
        let scope = if name.starts_with("My") { "Mine" } else { "Everything" };
        let execution = format!("list-{}", self.lines.len());
        let fields = json!({
            "QueriedEntities": object, "DeveloperName": name, "Name": name, "Scope": scope, "RowsProcessed": rows,
            "NumberOfColumns": 6, "EventSource": "Lightning", "ExecutionIdentifier": execution, "Sequence": 1,
        });
        self.add("ListViewEvent", user, at, fields);
    }

    /// One chunk of a report; every chunk repeats the rows of the whole.
    pub(crate) fn report(&mut self, user: &str, at: Timestamp, execution: &str, sequence: u32, rows: u64) {
        let fields = json!({
            "QueriedEntities": "Account", "ReportId": "00O30000000jCGSEA2", "Name": "Accounts", "RowsProcessed": rows,
            "Operation": "ReportRunFromLightning", "ExecutionIdentifier": execution, "Sequence": sequence,
        });
        self.add("ReportEvent", user, at, fields);
    }

    /// One page of a query; every page repeats the rows of the whole.
    pub(crate) fn query(&mut self, user: &str, at: Timestamp, operation: &str, text: &str, rows: u64) {
        let fields = json!({
            "QueriedEntities": "Account", "Operation": operation, "Query": text, "RowsProcessed": rows,
            "ApiType": "REST", "UserAgent": "python-requests/2.28.2",
        });
        self.add("ApiEvent", user, at, fields);
    }

    /// A page load of three known views, `rows` in all, on a working day; an hour later one more of a single row.
    pub(crate) fn ordinary_day(&mut self, user: &str, morning: Timestamp, rows: u64) {
        let views = [("Account", "MyAccounts", rows / 4), ("Contact", "My_Contacts", rows / 4)];
        for (delay, (object, name, rows)) in (0..).zip(views) {
            self.list_view(user, morning.plus(delay * 7), object, name, rows);
        }
        self.list_view(user, morning.plus(20), "Opportunity", "MyOpportunities", rows - 2 * (rows / 4) - 1);
        self.list_view(user, morning.plus(model::time::HOUR), "Account", "MyAccounts", 1);
    }

    /// Returns all lines, ordered by time.
    pub(crate) fn text(mut self) -> String {
        self.lines.sort_by_key(|(at, _)| *at);
        self.lines.iter().fold(String::new(), |mut text, (_, line)| {
            writeln!(text, "{line}").unwrap();
            text
        })
    }
}

/// Returns the working days from [`START`] on, at nine.
pub(crate) fn working_days() -> impl Iterator<Item = Timestamp> {
    (0..).filter(|day| day % 7 < 5).map(|day| START.plus(day * DAY + 9 * model::time::HOUR))
}

/// Returns about a hundred, by day and user; the same for the same two.
pub(crate) fn about_a_hundred(user: usize, day: usize) -> u64 {
    let mixed = (user * 7_919 + day * 104_729 + 17) as u64;
    60 + mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) % 81
}

/// 18 characters.
pub(crate) fn user(number: usize) -> String {
    format!("005hn0000000{number:03}MAU")
}

/// Returns a log file of SOAP calls: request, time, user, rows.
pub(crate) fn api_log(rows: &[(&str, Timestamp, &str, u64)]) -> String {
    let mut text = String::from(
        "\"EVENT_TYPE\",\"TIMESTAMP_DERIVED\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID_DERIVED\",\"SESSION_KEY\",\
         \"API_TYPE\",\"METHOD_NAME\",\"ENTITY_NAME\",\"ROWS_PROCESSED\",\"CLIENT_IP\"\n",
    );
    for (request, at, user, rows) in rows {
        writeln!(
            text,
            "\"API\",\"{at}\",\"{request}\",\"00Dhn0000018hrc\",\"{user}\",\"s\",\"P\",\"query\",\"Account\",\"{rows}\",\"198.51.100.23\""
        )
        .unwrap();
    }
    text
}
