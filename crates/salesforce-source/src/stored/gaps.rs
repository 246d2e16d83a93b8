//! Fills gaps of other channels from stored events.

use super::reader::{MAX_ROWS, Reader};
use super::stop::Stop;
use super::{HISTORY, all_objects};
use crate::common::Purpose;
use model::time::{HOUR, SECOND};
use model::{Channel, Timestamp, Uuid};
use salesforce::reading::leads::Leads;
use salesforce::reading::sweep::{Object, Span, Sweep, Windows};
use salesforce::reading::{kind_named, source_name};
use std::collections::BTreeMap;
use store::Gap;

/// How far each gap was read that cannot be closed yet, because rows become visible late.
#[derive(Debug, Default)]
pub(super) struct Filling {
    reached: BTreeMap<Uuid, Timestamp>,
}

/// The windows. A choice.
const WINDOWS: Windows = Windows { width: HOUR, max_width: 6 * HOUR, max_rows: MAX_ROWS };

impl Filling {
    /// Reads the events of the gaps that are visible by now. Closes the gaps that are read to the end, and those that
    /// cannot be filled.
    pub(super) async fn fill(&mut self, reader: &mut Reader, gaps: &[Gap], now: Timestamp) -> Result<(), Stop> {
        let common = reader.common.clone();
        let overlap = i64::from(common.settings.overlap_seconds) * SECOND;
        self.reached.retain(|id, _| gaps.iter().any(|gap| gap.id == *id));
        let (mut open, mut spans) = (Vec::new(), Vec::new());
        let of_log_files =
            |gap: &Gap| kind_named(&gap.kind).is_some_and(|kind| common.leads.is_filled_by_log_files(kind));
        for gap in gaps.iter().filter(|gap| !of_log_files(gap)) {
            let object = match fillable(gap, &common.leads, now) {
                Ok(object) => object,
                Err(note) => {
                    common.watch.close_gap(gap, &note).await?;
                    continue;
                }
            };
            let from = self.reached.get(&gap.id).copied().unwrap_or(gap.from).plus(-overlap);
            let from = from.max(now.plus(-HISTORY));
            spans.push(Span { object, from, to: gap.to.plus(overlap).min(now) });
            open.push((gap, Vec::new()));
        }
        let mut sweep = Sweep::new(spans, WINDOWS);
        while let Some(delivered) = reader.step(&mut sweep, Purpose::Watch).await? {
            for read in delivered.read {
                let Some((gap, truncated)) = open.get_mut(read.part.index) else { continue };
                let to = read.part.span.to;
                truncated.extend(read.truncated);
                if to < gap.to.plus(overlap) {
                    self.reached.insert(gap.id, to);
                    continue;
                }
                common.watch.close_gap(gap, &note(truncated)).await?;
                self.reached.remove(&gap.id);
            }
        }
        Ok(())
    }
}

/// Returns the object that stores the events of a gap.
///
/// # Errors
/// If the gap cannot be filled: the note with which to close it.
fn fillable(gap: &Gap, leads: &Leads, now: Timestamp) -> Result<Object, String> {
    let kind = &gap.kind;
    let Some(object) = all_objects().find(|object| object.kind.as_str() == kind) else {
        return Err(format!("not filled: no object stores {kind} events, at most log files still deliver them"));
    };
    if gap.source == source_name(Channel::Stored) && gap.from == gap.to {
        return Err("not filled: Salesforce returns no more events of one moment".to_owned());
    }
    if gap.to < now.plus(-HISTORY) {
        return Err("not filled: Salesforce stores events for 180 days".to_owned());
    }
    if !leads.takes(Channel::Stored, object.kind) {
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
                "filled from stored events, except moments with more events than a query returns: {moments}, such as {first}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::DAY;
    use model::{Kind, OrgId};

    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn gap(kind: &str, to: Timestamp) -> Gap {
        let (source, reason) = ("stream".to_owned(), "replay id expired".to_owned());
        let from = to.plus(-HOUR);
        let org_id = OrgId::new("00D000000000001EAA");
        Gap { id: Uuid::nil(), org_id, source, kind: kind.to_owned(), from, to, reason, note: None }
    }

    #[test]
    fn a_gap_that_cannot_be_filled_is_closed_with_the_reason() {
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
    fn the_note_names_what_may_still_be_missing() {
        assert_eq!(note(&[]), "filled from stored events");
        assert!(note(&[NOW, NOW]).ends_with("returns: 2, such as 1972-09-27T00:00:00.000Z"), "{}", note(&[NOW, NOW]));
    }
}
