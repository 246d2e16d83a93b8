//! `orgwatch simulate`

use crate::Done;
use crate::arguments::{Shape, SimulateArguments};
use crate::output;
use crate::progress;
use anyhow::{Context, Result};
use simulator::{Attacks, Day, LogFile, Plan, Simulation, Writes, logfile};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

pub(crate) fn run(arguments: &SimulateArguments) -> Result<Done> {
    let mut plan = Plan::new(arguments.users, arguments.days, arguments.seed);
    plan.world = arguments.world;
    plan.start = arguments.start.unwrap_or(plan.start);
    plan.attacks =
        arguments.attacks.map_or(plan.attacks, |n| if n == 0 { Attacks::None } else { Attacks::PerFamily(n) });
    if arguments.writes {
        plan.writes = Writes::Standard;
    }
    let limit = arguments.events.unwrap_or(u64::MAX);
    let written = write(plan, arguments.format, &arguments.out, limit)?;
    output::print(&format!("{written} events and labels.json in {}", arguments.out.display()))?;
    Ok(Done::Quietly)
}

/// Writes an org's labels and at most `limit` events to a folder. Returns the number of events.
pub(crate) fn write(plan: Plan, format: Shape, folder: &Path, limit: u64) -> Result<u64> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be created", folder.display()))?;
    let bar = progress::over_days(plan.days);
    let simulation = Simulation::new(plan)?;
    serde_json::to_writer_pretty(output::create(&folder.join("labels.json"))?, simulation.labels())?;
    let mut ndjson = match format {
        Shape::Ndjson => Some(output::create(&folder.join("events.ndjson"))?),
        Shape::Csv => None,
    };
    let mut written = 0;
    for mut day in simulation {
        let left = usize::try_from(limit - written).unwrap_or(usize::MAX);
        day.events.truncate(left);
        written += match &mut ndjson {
            Some(file) => write_json(&day, file)?,
            None => write_csv(&day, folder)?,
        };
        bar.inc(1);
        bar.set_message(format!("{written} events"));
        if written >= limit {
            break;
        }
    }
    bar.finish_and_clear();
    if let Some(mut file) = ndjson {
        file.flush()?;
    }
    Ok(written)
}

fn write_json(day: &Day, file: &mut impl Write) -> Result<u64> {
    let mut buffer = Vec::new();
    for event in &day.events {
        buffer.clear();
        event.write_json(&mut buffer);
        file.write_all(&buffer)?;
    }
    Ok(day.events.len() as u64)
}

fn write_csv(day: &Day, folder: &Path) -> Result<u64> {
    let mut files: BTreeMap<&str, (LogFile, Vec<u8>)> = BTreeMap::new();
    let mut written = 0;
    for event in &day.events {
        let Some(kind) = event.log_file() else { continue };
        let new = || (kind, logfile::csv_header(kind).into_bytes());
        event.write_csv(&mut files.entry(kind.event_type()).or_insert_with(new).1);
        written += 1;
    }
    for (kind, bytes) in files.into_values() {
        let path = folder.join(kind.file_name(day.date));
        std::fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(written)
}
