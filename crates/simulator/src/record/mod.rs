//! Writes events as the REST query API returns stored records.

mod fields;
mod text;

use text::Record;
pub(crate) use text::{push_iso, push_stamp, uuid_text};

use crate::dice::Dice;
use crate::event::{Event, Session};

/// Appends the record as one line of JSON.
pub(crate) fn write(event: &Event, out: &mut Vec<u8>) {
    let object = event.object();
    out.extend_from_slice(b"{\"attributes\":{\"type\":\"");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"\",\"url\":\"/services/data/v67.0/sobjects/");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"/000000000000000AAA\"}");
    let mut record = Record::new(out);
    record.uuid("EventIdentifier", event.id);
    record.date("EventDate", event.at);
    // Records are created 2 to 12 seconds after the event. Derived from the identifier, so that duplicates agree.
    record.date("CreatedDate", event.at + 2_000 + (event.id % 10_000) as i64);
    record.text("UserId", &event.identity.user_id);
    record.text("Username", &event.identity.username);
    fields::session(event, &mut record);
    fields::body(event, &mut record);
    out.extend_from_slice(b"}\n");
}

/// Returns `SecurityEventData` of a detection. A quarter have the typographic quotes of Salesforce's examples.
pub(crate) fn security_event_data(dice: &mut Dice, rows: f64, session: &Session) -> String {
    let share = dice.between(40.0, 95.0);
    let rest = 100.0 - share;
    let features = [
        ("rowCount", format!("{rows:.0}"), share),
        ("autonomousSystem", session.location.city.to_owned(), rest * 0.7),
        ("userAgent", session.client.browser.clone(), rest * 0.3),
    ];
    let elements: Vec<String> = features
        .iter()
        .map(|(name, value, percent)| {
            format!(r#"{{"featureName":"{name}","featureValue":"{value}","featureContribution":"{percent:.2} %"}}"#)
        })
        .collect();
    let text = format!("[{}]", elements.join(","));
    if dice.chance(0.25) { text.replace(":\"", ":\u{201c}").replace("\",", "\u{201d},") } else { text }
}

/// Returns `SecurityEventData` of a hijacked session.
pub(crate) fn changed_session_data(previous: &Session, current: &Session) -> String {
    let features = [
        ("userAgent", &previous.client.user_agent, &current.client.user_agent, 61.5),
        ("ipAddress", &previous.ip, &current.ip, 38.5),
    ];
    let elements: Vec<String> = features
        .iter()
        .map(|(name, previous, current, percent)| {
            format!(r#"{{"featureName":"{name}","previousValue":"{previous}","currentValue":"{current}","featureContribution":"{percent:.2} %"}}"#)
        })
        .collect();
    format!("[{}]", elements.join(","))
}
