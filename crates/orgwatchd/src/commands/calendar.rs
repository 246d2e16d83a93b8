//! Says in which time zone an org works, when its fiscal year begins, and on which days it rests.

mod icalendar;

use super::config::{Followed, Proposal, Standard, announce};
use super::database;
use super::decisions::Desk;
use super::operate::print;
use crate::arguments::{CalendarArguments, CalendarCommand, CalendarDecision};
use crate::config::Config;
use anyhow::{Context, Result};
use chrono::{Datelike, NaiveDate};
use model::OrgId;
use runtime::clock::now;
use serde_json::json;
use settings::OrgSettings;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Years from now for which holidays of every year are written down. A choice: nobody plans further.
const YEARS: i32 = 5;

/// Shows, sets or ends the calendar of an org.
///
/// # Errors
/// If a file is not read, a value is out of range, or no hour of the org is closed yet and no time is given.
pub(crate) async fn calendar(config: Config, command: CalendarCommand) -> Result<ExitCode> {
    match command {
        CalendarCommand::Show { org, format } => show(&config, &org, format.json).await,
        CalendarCommand::Set(CalendarArguments { time_zone, fiscal_year_start, icalendar, holidays, of }) => {
            let holidays = dates(&icalendar, holidays)?;
            let set = |own: &mut OrgSettings| {
                own.time_zone = time_zone.or(own.time_zone.take());
                own.fiscal_year_start = fiscal_year_start.or(own.fiscal_year_start);
                own.holidays = holidays.or(own.holidays.take());
            };
            decide(config, of, set).await
        }
        CalendarCommand::End { of } => {
            let end = |own: &mut OrgSettings| {
                (own.time_zone, own.fiscal_year_start, own.holidays) = (None, None, None);
            };
            decide(config, of, end).await
        }
    }
}

/// Changes what an org sets for itself.
async fn decide(config: Config, of: CalendarDecision, change: impl FnOnce(&mut OrgSettings)) -> Result<ExitCode> {
    let CalendarDecision { org, from, dry_run, because } = of;
    let desk = Desk::open(&config, because.who).await?;
    let mut standard = Standard::new(&config);
    let put = |settings: &settings::Settings| Ok(settings.with_org(&org, change)?);
    let proposal = Proposal::change((&desk, &config, &mut standard), (&org, from, &because.reason), put).await?;
    announce(desk, vec![proposal], dry_run).await
}

/// Returns the dates of files and those that are given by hand; `None` if there are neither.
fn dates(files: &[PathBuf], by_hand: Vec<String>) -> Result<Option<BTreeSet<String>>> {
    if files.is_empty() && by_hand.is_empty() {
        return Ok(None);
    }
    let year = now().to_utc().year();
    let mut dates: BTreeSet<String> = by_hand.into_iter().collect();
    for path in files {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let read = icalendar::holidays(&text, year - 1..=year + YEARS);
        let days = read.with_context(|| format!("{}: cannot be read as holidays", path.display()))?;
        dates.extend(days.iter().map(NaiveDate::to_string));
    }
    Ok(Some(dates))
}

/// Prints the calendar that an org follows.
async fn show(config: &Config, org: &OrgId, as_json: bool) -> Result<ExitCode> {
    let store = database(config, "orgwatch-operator").await?;
    let Followed { own, source, waiting } = Followed::by(&store, config, org).await?;
    let profile = own.settings.profile_of(org);
    let (start, holidays) = (profile.fiscal_year_start, &profile.holidays);
    if as_json {
        print(&json!({
            "org_id": org,
            "settings": own.hash,
            "time_zone": profile.time_zone,
            "fiscal_year_start": start,
            "quarters_end_with": start.map(quarter_ends),
            "holidays": holidays,
            "waiting": waiting,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout();
    writeln!(out, "org {org}, settings {}: {source}", own.hash)?;
    writeln!(out, "time zone: {}", profile.time_zone)?;
    match start {
        Some(start) => {
            let [a, b, c, d] = quarter_ends(start);
            writeln!(
                out,
                "fiscal year: begins with month {start}; its quarters end with months {a}, {b}, {c} and {d}"
            )?;
        }
        None => writeln!(out, "fiscal year: not known")?,
    }
    writeln!(out, "holidays: {}", holidays.len())?;
    for date in holidays {
        writeln!(out, "  {date}")?;
    }
    for decision in waiting {
        writeln!(out, "decision {decision} waits for the next hour of event time to close")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the months with which the quarters of a fiscal year end that begins with a month.
fn quarter_ends(start: u8) -> [u8; 4] {
    [2, 5, 8, 11].map(|months| (start.saturating_sub(1) + months) % 12 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_end_every_three_months() {
        assert_eq!(quarter_ends(1), [3, 6, 9, 12]);
        assert_eq!(quarter_ends(2), [4, 7, 10, 1]);
        assert_eq!(quarter_ends(12), [2, 5, 8, 11]);
    }
}
