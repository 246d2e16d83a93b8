//! What sources have missed, read again.

use super::halt::Halt;
use super::reader::Reader;
use super::sweep::{Object, Span, Sweep};
use super::{HISTORY, all_objects};
use crate::meter::Origin;
use crate::orgs::common::Purpose;
use crate::orgs::leads::Leads;
use model::time::{HOUR, SECOND};
use model::{Channel, Kind, Timestamp, Uuid};
use std::collections::BTreeMap;
use store::Gap;

/// How far gaps were read that could not be closed yet: rows become visible late.
#[derive(Debug, Default)]
pub(super) struct Filling {
    reached: BTreeMap<Uuid, Timestamp>,
}

/// Milliseconds of a window: at first, and at most.
const WIDTH: i64 = HOUR;
const MOST: i64 = 6 * HOUR;

impl Filling {
    /// Reads what the gaps are about as far as it is visible, and closes those of which all is read, or nothing ever
    /// can be.
    pub(super) async fn fill(&mut self, reader: &mut Reader, gaps: &[Gap], now: Timestamp) -> Result<(), Halt> {
        let common = reader.common.clone();
        let overlap = i64::from(common.settings.overlap_seconds) * SECOND;
        self.reached.retain(|id, _| gaps.iter().any(|gap| gap.id == *id));
        let (mut open, mut spans) = (Vec::new(), Vec::new());
        let of_log_files = |gap: &Gap| {
            let kind = Kind::ALL.iter().find(|kind| kind.as_str() == gap.kind);
            kind.is_some_and(|kind| common.leads.is_filled_by_log_files(*kind))
        };
        for gap in gaps.iter().filter(|gap| !of_log_files(gap)) {
            let object = match fillable(gap, &common.leads, now) {
                Ok(object) => object,
                Err(note) => {
                    common.watch.filled(gap, &note).await?;
                    continue;
                }
            };
            let from = self.reached.get(&gap.id).copied().unwrap_or(gap.from).plus(-overlap);
            let from = from.max(now.plus(-HISTORY));
            spans.push(Span { object, from, to: gap.to.plus(overlap).min(now) });
            open.push((gap, Vec::new()));
        }
        let mut sweep = Sweep::new(spans, WIDTH, MOST);
        while let Some(delivered) = reader.step(&mut sweep, Purpose::Watch).await? {
            for read in delivered.read {
                let Some((gap, truncated)) = open.get_mut(read.part.index) else { continue };
                let to = read.part.span.to;
                truncated.extend(read.truncated);
                if to < gap.to.plus(overlap) {
                    self.reached.insert(gap.id, to);
                    continue;
                }
                common.watch.filled(gap, &note(truncated)).await?;
                self.reached.remove(&gap.id);
            }
        }
        Ok(())
    }
}

/// What has the events of a gap.
///
/// # Errors
/// With the note to close it with, if nothing can be read again.
fn fillable(gap: &Gap, leads: &Leads, now: Timestamp) -> Result<Object, String> {
    let kind = &gap.kind;
    let Some(object) = all_objects().find(|object| object.kind.as_str() == kind) else {
        return Err(format!("not filled: no object stores {kind} events, at most log files still bring them"));
    };
    if gap.source == Origin::Stored.as_str() && gap.from == gap.to {
        return Err("not filled: Salesforce gives out no more events of one moment".to_owned());
    }
    if gap.to < now.plus(-HISTORY) {
        return Err("not filled: Salesforce stores events for 180 days".to_owned());
    }
    if !leads.takes(Channel::Stored, object.kind, gap.from) {
        return Err(match leads.of(object.kind) {
            Some(lead) => format!("not filled: {lead} leads for {kind} events, and stored ones would count twice"),
            None => format!("not filled: {kind} events are not read"),
        });
    }
    Ok(object)
}

fn note(truncated: &[Timestamp]) -> String {
    match truncated {
        [] => "filled from stored events".to_owned(),
        [first, ..] => {
            let moments = truncated.len();
            format!(
                "filled from stored events, but for moments with more than a query gives: {moments}, such as {first}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::OrgId;
    use model::time::DAY;

    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn gap(kind: &str, to: Timestamp) -> Gap {
        let (source, reason) = ("stream".to_owned(), "replay id expired".to_owned());
        let from = to.plus(-HOUR);
        let org_id = OrgId::new("00D000000000001EAA");
        Gap { id: Uuid::nil(), org_id, source, kind: kind.to_owned(), from, to, reason, note: None }
    }

    #[test]
    fn what_cannot_be_filled_is_closed_with_the_reason() {
        let leads = Leads::new(
            BTreeMap::from([
                (Kind::Api, Channel::Stream),
                (Kind::Login, Channel::Stored),
                (Kind::Uri, Channel::LogFile),
            ]),
            BTreeMap::new(),
        );
        let check = |kind: &str, to, expect: Result<&str, &str>| {
            let found = fillable(&gap(kind, to), &leads, NOW);
            match expect {
                Ok(name) => assert_eq!(found.unwrap().name, name),
                Err(part) => {
                    let note = found.unwrap_err();
                    assert!(note.contains(part), "{note}");
                }
            }
        };
        check("api", NOW, Ok("ApiEvent"));
        check("login", NOW.plus(-179 * DAY), Ok("LoginEvent"));
        check("login", NOW.plus(-181 * DAY), Err("180 days"));
        let truncated = Gap { source: "stored".to_owned(), from: NOW, ..gap("api", NOW) };
        assert!(fillable(&truncated, &leads, NOW).unwrap_err().contains("one moment"));
        check("bulk_api", NOW, Err("log files"));
        check("uri", NOW, Err("log_file leads"));
        check("report", NOW, Err("not read"));
    }

    #[test]
    fn notes_say_what_may_still_be_missing() {
        assert_eq!(note(&[]), "filled from stored events");
        assert!(note(&[NOW, NOW]).ends_with("gives: 2, such as 1972-09-27T00:00:00.000Z"), "{}", note(&[NOW, NOW]));
    }
}
