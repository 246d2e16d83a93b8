//! What the search begins with: a simulated day in every form.

use crate::ORG;
use model::{Batch, Entry, Item, OrgId};
use salesforce::{Chunks, Context};
use simulator::{LogFile, Plan, Simulation};

/// Seeds of a target: bytes that it understands.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "records" => [stored(), log_files()].concat(),
        "body" => stored(),
        "wire" => stored().iter().map(|events| batch(events)).collect(),
        "state" => state(),
        "config" => vec![pipeline::config::DEFAULT.as_bytes().to_vec()],
        _ => Vec::new(),
    }
}

/// A few stored events of each kind that the day has.
fn stored() -> Vec<Vec<u8>> {
    let mut kinds = std::collections::BTreeMap::<&str, (usize, Vec<u8>)>::new();
    for event in day() {
        let (count, lines) = kinds.entry(event.object()).or_default();
        if *count < 3 {
            *count += 1;
            event.write_json(lines);
        }
    }
    kinds.into_values().map(|(_, lines)| lines).collect()
}

fn log_files() -> Vec<Vec<u8>> {
    let of_kind = |kind: &LogFile| {
        let mut text = format!("\"{}\"\n", kind.columns().join("\",\"")).into_bytes();
        day()
            .iter()
            .filter(|event| event.log_file() == Some(*kind))
            .take(3)
            .for_each(|event| event.write_csv(&mut text));
        text
    };
    LogFile::ALL.iter().map(of_kind).collect()
}

/// Each record, behind the number of its key.
fn state() -> Vec<Vec<u8>> {
    let records = crate::fresh(&profile::Settings::default());
    let seed = |(which, key): (u8, &&str)| {
        let (_, bytes) = records.iter().find(|(name, _)| name.starts_with(*key))?;
        Some([&[which], bytes.as_slice()].concat())
    };
    (0..).zip(&crate::KEYS).filter_map(seed).collect()
}

fn batch(events: &[u8]) -> Vec<u8> {
    let context = Context { org: Some(OrgId::new(ORG)) };
    let Some(format) = salesforce::detect(events) else { return Vec::new() };
    let mut items = Vec::new();
    let mut chunks = Chunks::new(events, format);
    while let Ok(Some(chunk)) = chunks.next_chunk() {
        items.extend(
            salesforce::parse(&chunk, &context).activities.into_iter().map(|activity| Item::new(Entry::from(activity))),
        );
    }
    Entry::encode_batch(&items)
}

fn day() -> Vec<simulator::Event> {
    let simulation = Simulation::new(Plan::leaver(1));
    simulation.ok().and_then(|mut simulation| simulation.next()).map(|day| day.events).unwrap_or_default()
}
