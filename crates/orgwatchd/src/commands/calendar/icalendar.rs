//! Reads holidays from iCalendar files (RFC 5545): events of whole days, some of them every year.
//!
//! It is strict: what it does not read it names with its line, rather than to leave a holiday out.

use chrono::{Datelike, Days, NaiveDate};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// A line that is not read, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(super) struct Unread {
    /// Number of the line, from 1.
    line: usize,
    problem: String,
}

/// The longest event, in days. A choice: a longer one is no holiday.
const LONGEST: u64 = 62;

/// Returns the days of all events; of those that recur every year, the days in `years`.
///
/// # Errors
/// If the text is no complete calendar, or has an event that is not of whole days or recurs otherwise.
pub(super) fn holidays(text: &str, years: RangeInclusive<i32>) -> Result<BTreeSet<NaiveDate>, Unread> {
    let mut days = BTreeSet::new();
    // The components that are open, and the event that is.
    let mut open: Vec<String> = Vec::new();
    let mut event: Option<Event> = None;
    let (mut is_calendar, mut last) = (false, 0);
    for Line { number, name, value } in lines(text)? {
        last = number;
        let refuse = |problem: String| Err(Unread { line: number, problem });
        match name.as_str() {
            "BEGIN" => {
                let component = value.to_ascii_uppercase();
                if open.is_empty() && component != "VCALENDAR" {
                    return refuse("no iCalendar file: it must begin with BEGIN:VCALENDAR".to_owned());
                }
                if component == "VEVENT" && open.len() == 1 {
                    event = Some(Event { line: number, ..Event::default() });
                }
                is_calendar = true;
                open.push(component);
            }
            "END" => {
                let component = value.to_ascii_uppercase();
                if open.pop().as_ref() != Some(&component) {
                    return refuse(format!("END:{component} without its BEGIN"));
                }
                // What is inside an event, such as a reminder, is open longer than the event.
                if let Some(event) = event.take_if(|_| open.len() == 1) {
                    days.extend(event.days(years.clone())?);
                }
            }
            _ if open.is_empty() => return refuse("no iCalendar file: it must begin with BEGIN:VCALENDAR".to_owned()),
            _ if open.len() == 2 => {
                if let Some(event) = &mut event {
                    event.set(number, &name, &value)?;
                }
            }
            _ => {}
        }
    }
    if !open.is_empty() || !is_calendar {
        let problem = "the file ends before END:VCALENDAR: get a complete one".to_owned();
        return Err(Unread { line: last, problem });
    }
    Ok(days)
}

/// A property, with the number of its first line. The name is in capitals, without parameters.
struct Line {
    number: usize,
    name: String,
    value: String,
}

/// Returns the properties: a line that begins with a space or tab continues the one before.
fn lines(text: &str) -> Result<Vec<Line>, Unread> {
    let mut whole: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), whole.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ if line.trim().is_empty() => {}
            _ => whole.push((index + 1, line.to_owned())),
        }
    }
    whole.into_iter().map(|(number, line)| property(number, &line)).collect()
}

fn property(number: usize, line: &str) -> Result<Line, Unread> {
    let mut is_quoted = false;
    let colon = line.find(|letter| {
        is_quoted ^= letter == '"';
        letter == ':' && !is_quoted
    });
    let parts = colon.and_then(|colon| Some((line.get(..colon)?, line.get(colon + 1..)?)));
    let Some((name, value)) = parts else {
        let problem = "no line of an iCalendar file: it has no colon".to_owned();
        return Err(Unread { line: number, problem });
    };
    let name = name.split(';').next().unwrap_or_default().to_ascii_uppercase();
    Ok(Line { number, name, value: value.trim().to_owned() })
}

/// What an event says.
#[derive(Default)]
struct Event {
    line: usize,
    first: Option<NaiveDate>,
    /// The day after the last one, and its line.
    end: Option<(usize, NaiveDate)>,
    rule: Option<Rule>,
    is_cancelled: bool,
}

/// That an event recurs every year.
#[derive(Default)]
struct Rule {
    until: Option<NaiveDate>,
    count: Option<usize>,
    /// Its line, and the month and day that it names.
    named: (usize, Option<u32>, Option<u32>),
}

impl Event {
    fn set(&mut self, line: usize, name: &str, value: &str) -> Result<(), Unread> {
        let unread = |problem: &str| Unread { line, problem: format!("{name}:{value}: {problem}") };
        let whole_day = || date(value).ok_or_else(|| unread("only events of whole days are read, such as 20261225"));
        match name {
            "DTSTART" => self.first = Some(whole_day()?),
            "DTEND" => self.end = Some((line, whole_day()?)),
            "RRULE" if self.rule.is_some() => return Err(unread("a second rule is not read")),
            "RRULE" => {
                self.rule = Some(Rule::parse(line, value).ok_or_else(|| {
                    unread("only FREQ=YEARLY on the day of the start is read: give other days one by one")
                })?);
            }
            "STATUS" => self.is_cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            "DURATION" | "EXDATE" | "EXRULE" | "RDATE" | "RECURRENCE-ID" => {
                return Err(unread("is not read: give the days of this event one by one"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns its days.
    fn days(self, years: RangeInclusive<i32>) -> Result<BTreeSet<NaiveDate>, Unread> {
        let unread = |line: usize, problem: &str| Unread { line, problem: problem.to_owned() };
        if self.is_cancelled {
            return Ok(BTreeSet::new());
        }
        let first = self.first.ok_or_else(|| unread(self.line, "the event has no DTSTART"))?;
        let length = match self.end {
            None => 1,
            Some((line, end)) => u64::try_from(end.signed_duration_since(first).num_days())
                .ok()
                .filter(|days| (1..=LONGEST).contains(days))
                .ok_or_else(|| unread(line, "DTEND is the day after the last one, at most 62 days after DTSTART"))?,
        };
        let starts = match &self.rule {
            None => vec![first],
            Some(rule) => rule.starts(first, years)?,
        };
        let of_start = |start: NaiveDate| (0..length).filter_map(move |day| start.checked_add_days(Days::new(day)));
        Ok(starts.into_iter().flat_map(of_start).collect())
    }
}

impl Rule {
    fn parse(line: usize, text: &str) -> Option<Self> {
        let mut rule = Self { named: (line, None, None), ..Self::default() };
        let mut is_yearly = false;
        for part in text.split(';') {
            let (key, value) = part.split_once('=')?;
            match key.to_ascii_uppercase().as_str() {
                "FREQ" if value.eq_ignore_ascii_case("YEARLY") => is_yearly = true,
                "INTERVAL" if value == "1" => {}
                "WKST" => {}
                "UNTIL" => rule.until = Some(date(value.get(..8)?)?),
                "COUNT" => rule.count = Some(value.parse().ok()?),
                "BYMONTH" => rule.named.1 = Some(value.parse().ok()?),
                "BYMONTHDAY" => rule.named.2 = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        is_yearly.then_some(rule)
    }

    /// Returns the days of these years on which the event begins.
    fn starts(&self, first: NaiveDate, years: RangeInclusive<i32>) -> Result<Vec<NaiveDate>, Unread> {
        let (line, month, day) = self.named;
        if month.is_some_and(|month| month != first.month()) || day.is_some_and(|day| day != first.day()) {
            let problem = "only FREQ=YEARLY on the day of the start is read: give other days one by one".to_owned();
            return Err(Unread { line, problem });
        }
        // A leap day is only in leap years.
        let all = (first.year()..=*years.end()).filter_map(|year| first.with_year(year));
        let counted = all.take(self.count.unwrap_or(usize::MAX));
        let holds = |start: &NaiveDate| years.contains(&start.year()) && self.until.is_none_or(|until| *start <= until);
        Ok(counted.filter(holds).collect())
    }
}

/// Reads a date such as `20261225`.
fn date(text: &str) -> Option<NaiveDate> {
    let is_date = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_date.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(events: &[&str]) -> Result<Vec<String>, String> {
        let event = |event: &&str| format!("BEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\n", event.replace('\n', "\r\n"));
        let events: String = events.iter().map(event).collect();
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n");
        let days = holidays(&text, 2025..=2028).map_err(|error| error.to_string())?;
        Ok(days.iter().map(ToString::to_string).collect())
    }

    fn check(event: &str, expect: &[&str]) {
        assert_eq!(read(&[event]).as_deref(), Ok(&expect.map_owned()[..]), "{event}");
    }

    trait Owned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl Owned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn days_of_events() {
        check("DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas: the\n  first day", &["2026-12-25"]);
        check("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227", &["2026-12-25", "2026-12-26"]);
        check("dtstart;value=date:20261225\nSTATUS:CANCELLED", &[]);
        check("DTSTART;X=\"a:b\":20261225\nBEGIN:VALARM\nDURATION:PT1H\nEND:VALARM", &["2026-12-25"]);
        check("DTSTART;VAL\n UE=DATE:2026\n 1225", &["2026-12-25"]);
    }

    #[test]
    fn days_of_every_year() {
        let yearly =
            |rule: &str| format!("DTSTART;VALUE=DATE:20241231\nDTEND;VALUE=DATE:20250102\nRRULE:FREQ=YEARLY{rule}");
        let both = ["2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01"];
        check(&yearly(";UNTIL=20261231T000000Z"), &both);
        check(&yearly(";INTERVAL=1;COUNT=3;BYMONTH=12;BYMONTHDAY=31;WKST=MO"), &both);
        assert_eq!(read(&[&yearly("")]).unwrap().len(), 8);
        check("DTSTART:20200229\nRRULE:FREQ=YEARLY", &["2028-02-29"]);
        check("DTSTART:19700501\nRRULE:FREQ=YEARLY;COUNT=3", &[]);
    }

    #[test]
    fn what_is_not_read_is_named_with_its_line() {
        let refused = |event: &str, expect: &str| {
            let error = read(&["DTSTART:20260101", event]).unwrap_err();
            assert!(error.starts_with(expect), "{event}: {error}");
        };
        refused("SUMMARY:a\nDTSTART:20261225T090000Z", "line 8: DTSTART:20261225T090000Z: only events of whole days");
        refused("DTSTART:20261332", "line 7: DTSTART:20261332: only events of whole days");
        refused("SUMMARY:a", "line 6: the event has no DTSTART");
        refused("DTSTART:20261225\nDTEND:20261225", "line 8: DTEND is the day after the last one");
        refused("DTSTART:20261225\nDTEND:20270325", "line 8: DTEND is the day after the last one");
        refused("DTSTART:20261225\nRRULE:FREQ=WEEKLY", "line 8: RRULE:FREQ=WEEKLY: only FREQ=YEARLY");
        refused("DTSTART:20261225\nRRULE:FREQ=YEARLY;BYDAY=1MO", "line 8: RRULE");
        refused("DTSTART:20261225\nRRULE:FREQ=YEARLY;BYMONTH=11", "line 8: only FREQ=YEARLY on the day of the start");
        refused("DTSTART:20261225\nEXDATE:20271225", "line 8: EXDATE:20271225: is not read");
        refused("what", "line 7: no line of an iCalendar file");
        refused("END:VALARM", "line 7: END:VALARM without its BEGIN");
        let of = |text: &str| holidays(text, 2026..=2026).unwrap_err().to_string();
        assert!(of("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n").starts_with("line 3: the file ends before"));
        assert!(of("").starts_with("line 0: the file ends before"));
        assert!(of("2026-01-01:\n").starts_with("line 1: no iCalendar file"));
        assert!(of("BEGIN:VEVENT\nEND:VEVENT\n").starts_with("line 1: no iCalendar file"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(BEGIN:|END:|VEVENT|VCALENDAR|DTSTART:|RRULE:FREQ=YEARLY|[0-9]{8}|\n| |;|=|é|\"){0,40}") {
            drop(holidays(&text, 2026..=2027));
        }
    }
}
