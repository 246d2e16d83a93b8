//! What to do where something is missing in a file.

use files::Beginning;
use model::{Activity, Kind, Timestamp, time};
use salesforce::RejectReason;

/// Returns a sentence for everything that is missing, without repetition.
pub(super) fn advice(beginning: &Beginning, is_org_given: bool) -> Vec<String> {
    let mut advice: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        if !advice.iter().any(|known| known == text) {
            advice.push(text.to_owned());
        }
    };
    let parsed = &beginning.parsed;
    parsed.rejects.iter().filter_map(|reject| for_reason(&reject.reason)).for_each(&mut add);
    let activities = &parsed.activities;
    if parsed.counts.unnamed > 0 && !is_org_given {
        add("no org: pass --org ID, so that ids are those of a live installation");
    }
    if lacks(activities, reads_rows, |activity| activity.rows.is_some() || activity.rows_returned.is_some()) {
        add("no number of rows: export RowsProcessed (ROWS_PROCESSED in log files); without it, volume is not judged");
    }
    if lacks(activities, has_address, |activity| activity.source_ip.is_some()) {
        add("no address: export SourceIp (CLIENT_IP or SOURCE_IP in log files); without it, networks are not judged");
    }
    if are_rounded(activities.iter().map(|activity| activity.event_time)) {
        add("all times are whole minutes: if a spreadsheet has saved this file, take the one that Salesforce gave");
    }
    if !parsed.counts.unread.is_empty() {
        add("values could not be read: export these fields as plain numbers and text");
    }
    if !parsed.counts.not_watched.is_empty() {
        add("types that are not watched count for nothing: leave them out, or know that they are not judged");
    }
    advice
}

fn for_reason(reason: &RejectReason) -> Option<&'static str> {
    Some(match reason {
        RejectReason::NoEventType => {
            "no type: name the file after its object, such as ListViewEvent.csv, or pass --type ListViewEvent"
        }
        RejectReason::NotAnEvent(_) => "not events: leave such records out",
        RejectReason::NoTime => "no time: export EventDate (TIMESTAMP_DERIVED in log files)",
        RejectReason::DateOnly { .. } => "a date without a time of day: export the whole time, not formatted as a date",
        RejectReason::BadTime { value, .. } if is_scientific(value) => {
            "a spreadsheet has rounded the times: take the file that Salesforce gave"
        }
        RejectReason::BadTime { .. } | RejectReason::ImplausibleTime { .. } | RejectReason::FutureTime(_) => {
            "times that cannot be read: export them as 2026-03-02T09:05:00.000Z"
        }
        RejectReason::NoUser => "no user: export UserId or Username (USER_ID in log files)",
        RejectReason::NoOrg => "no org: pass --org ID",
        RejectReason::FieldCount { .. }
        | RejectReason::BackslashQuotes { .. }
        | RejectReason::OpenQuote { .. }
        | RejectReason::SingleQuotes => {
            "rows that do not fit their header: export with fields in double quotes, and quotes in them doubled"
        }
        RejectReason::BreaksOff(_) => "the file breaks off: download it again",
        _ => return None,
    })
}

/// Returns whether a number was shortened as spreadsheets do: `1.77246E+12`.
fn is_scientific(value: &str) -> bool {
    let digits =
        value.split_once(['E', 'e']).filter(|(mantissa, _)| mantissa.starts_with(|c: char| c.is_ascii_digit()));
    digits.is_some_and(|(_, exponent)| exponent.trim_start_matches('+').parse::<u32>().is_ok())
}

fn has_address(activity: &Activity) -> bool {
    reads_rows(activity) || matches!(activity.kind, Kind::Login | Kind::Uri | Kind::LightningUri)
}

fn reads_rows(activity: &Activity) -> bool {
    matches!(activity.kind, Kind::ListView | Kind::Report | Kind::Api | Kind::BulkApi)
}

/// Returns whether some activities should have a value, and none has it.
fn lacks(activities: &[Activity], should: impl Fn(&Activity) -> bool, has: impl Fn(&Activity) -> bool) -> bool {
    let mut concerned = activities.iter().filter(|activity| should(activity)).peekable();
    concerned.peek().is_some() && !concerned.any(has)
}

/// Returns whether no time has seconds. Few times may have none by chance: of ten, once in 60 to the power of ten.
fn are_rounded(times: impl Iterator<Item = Timestamp> + Clone) -> bool {
    times.clone().count() >= 10 && times.into_iter().all(|at| at.0 % time::MINUTE == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_does_not_fit_its_header_has_advice() {
        let (found, expected) = (3, 4);
        let reasons = [
            RejectReason::FieldCount { found, expected },
            RejectReason::BackslashQuotes { found, expected },
            RejectReason::OpenQuote { found, expected },
            RejectReason::SingleQuotes,
        ];
        assert!(reasons.iter().all(|reason| for_reason(reason).is_some_and(|text| text.contains("quotes"))));
    }

    #[test]
    fn rounded_numbers_and_times_are_recognized() {
        assert!(is_scientific("1.77246E+12") && is_scientific("2E13"));
        assert!(!is_scientific("2026-03-02") && !is_scientific("Enero") && !is_scientific("12 Eze"));
        let times = |step| (0..10).map(move |n| Timestamp(n * step));
        assert!(are_rounded(times(time::HOUR)) && !are_rounded(times(time::SECOND)));
        assert!(!are_rounded(times(time::HOUR).take(9)));
    }
}
