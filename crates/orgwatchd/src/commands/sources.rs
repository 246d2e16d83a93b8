//! Prints the state of each source of each org: when it last answered, its gaps, and what to do.

use super::database;
use super::operate::print;
use crate::arguments::SourcesCommand;
use crate::config::Config;
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use model::time::{DAY, HOUR, MINUTE, SECOND};
use model::{OrgId, Timestamp};
use runtime::clock::now;
use serde::Serialize;
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;
use store::{Gap, StoredSource};

/// Prints the state of sources. Exits with 1 if one is blind.
pub(crate) async fn sources(config: Config, command: SourcesCommand) -> Result<ExitCode> {
    let SourcesCommand::Status { org, json: as_json } = command;
    let store = database(&config, "orgwatch-operator").await?;
    let states = store.source_states(org.as_ref()).await?;
    let gaps = store.all_gaps(org.as_ref(), None).await?;
    store.close().await;
    let lines: Vec<Line> = states.into_iter().map(|state| Line::of(state, &gaps, now())).collect();
    if as_json {
        print(&json!({ "sources": lines, "gaps": gaps.iter().map(shown).collect::<Vec<_>>() }))?;
    } else {
        write!(std::io::stdout(), "{}", text(&lines, &gaps))?;
    }
    let is_blind = lines.iter().any(|line| line.state == "blind");
    Ok(if is_blind { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The state of one source for one kind of events.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    org_id: OrgId,
    kind: String,
    source: String,
    state: String,
    /// Seconds since it last answered; none if it never did.
    lag: Option<i64>,
    last_event_at: Option<Timestamp>,
    last_heard_at: Option<Timestamp>,
    open_gaps: usize,
    /// The problem and what to do; none if there is no problem.
    detail: Option<String>,
}

/// A leading source with a state older than this is not being read: ingest writes states every few seconds.
const STALE: i64 = HOUR;

impl Line {
    fn of(stored: StoredSource, gaps: &[Gap], now: Timestamp) -> Self {
        let StoredSource { org_id, state, updated_at } = stored;
        let of_this = |gap: &&Gap| gap.org_id == org_id && gap.kind == state.kind && gap.source == state.source;
        let is_stale = state.state == "leading" && now.since(updated_at) > STALE;
        let stale = is_stale.then(|| "no state was written for an hour: check that ingest is running".to_owned());
        Self {
            open_gaps: gaps.iter().filter(of_this).count(),
            lag: state.last_heard_at.map(|heard| now.since(heard).max(0) / SECOND),
            detail: state.detail.or(stale),
            kind: state.kind,
            source: state.source,
            state: state.state,
            last_event_at: state.last_event_at,
            last_heard_at: state.last_heard_at,
            org_id,
        }
    }
}

fn text(lines: &[Line], gaps: &[Gap]) -> String {
    if lines.is_empty() && gaps.is_empty() {
        return "no source has reported yet\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["org", "kind", "source", "state", "lag", "last event", "gaps", "what to do"]);
    for line in lines {
        let last_event = line.last_event_at.map(|at| at.to_utc().format("%Y-%m-%d %H:%M:%S").to_string());
        table.add_row([
            line.org_id.to_string(),
            line.kind.clone(),
            line.source.clone(),
            line.state.clone(),
            line.lag.map(duration).unwrap_or_default(),
            last_event.unwrap_or_default(),
            line.open_gaps.to_string(),
            line.detail.clone().unwrap_or_default(),
        ]);
    }
    let gaps = gaps.iter().map(|gap| {
        let Gap { org_id, source, kind, from, to, reason, .. } = gap;
        format!("gap: {org_id}: {kind} events by {source} from {from} to {to}: {reason}\n")
    });
    format!("{table}\n{}", gaps.collect::<String>())
}

fn shown(gap: &Gap) -> serde_json::Value {
    let Gap { id, org_id, source, kind, from, to, reason, .. } = gap;
    json!({ "id": id, "org_id": org_id, "source": source, "kind": kind, "from": from, "to": to, "reason": reason })
}

/// Returns a duration in the largest unit of which it has at least two.
fn duration(seconds: i64) -> String {
    let milliseconds = seconds * SECOND;
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min")];
    let unit = units.into_iter().find(|(unit, _)| milliseconds >= 2 * unit);
    let (unit, name) = unit.unwrap_or((SECOND, "s"));
    format!("{} {name}", milliseconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;
    use store::SourceState;

    const ORG: &str = "00Dhn0000018hrcEAA";

    fn stored(state: &str, heard: i64, detail: Option<&str>) -> StoredSource {
        let state = SourceState {
            source: "stream".into(),
            kind: "login".into(),
            state: state.into(),
            last_event_at: Some(Timestamp(0)),
            last_heard_at: Some(Timestamp(heard)),
            detail: detail.map(str::to_owned),
        };
        StoredSource { org_id: OrgId::new(ORG), state, updated_at: Timestamp(heard) }
    }

    fn gap(kind: &str) -> Gap {
        let (source, reason) = ("stream".to_owned(), "the position has expired".to_owned());
        let (from, to, kind) = (Timestamp(0), Timestamp(HOUR), kind.to_owned());
        Gap { id: Uuid::nil(), org_id: OrgId::new(ORG), source, kind, from, to, reason, note: None }
    }

    #[test]
    fn a_line_has_its_problem() {
        let line = |stored| Line::of(stored, &[gap("login"), gap("report")], Timestamp(3 * HOUR));
        let fresh = line(stored("leading", 3 * HOUR - 5 * SECOND, None));
        assert_eq!((fresh.lag, fresh.open_gaps, fresh.detail), (Some(5), 1, None));
        let stale = line(stored("leading", 0, None));
        assert!(stale.detail.unwrap().contains("check that ingest is running"));
        assert_eq!(line(stored("missing", 0, None)).detail, None);
        assert_eq!(line(stored("blind", 0, Some("the stream is silent"))).detail.unwrap(), "the stream is silent");
    }

    #[test]
    fn the_text_has_all_sources_and_gaps() {
        assert_eq!(text(&[], &[]), "no source has reported yet\n");
        let lines = [Line::of(stored("blind", 0, Some("silent")), &[], Timestamp(3 * HOUR))];
        let text = text(&lines, &[gap("login")]);
        for part in [ORG, "login", "blind", "3 h", "1970-01-01 00:00:00", "silent", "what to do"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        let last = "gap: 00Dhn0000018hrcEAA: login events by stream from 1970-01-01T00:00:00.000Z to \
                    1970-01-01T01:00:00.000Z: the position has expired\n";
        assert!(text.ends_with(last), "{text}");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(
            [0, 119, 120, 7_199, 7_200, 172_800].map(duration),
            ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]
        );
    }
}
