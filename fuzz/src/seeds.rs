//! The inputs that fuzzing starts from: a simulated day in every format.

use crate::ORG;
use model::{Batch, Entry, Item, OrgId};
use salesforce::{Chunks, Context};
use simulator::{LogFile, Plan, Simulation};
use std::io::Write;

/// Returns the seeds of a target: valid inputs. Empty for an unknown target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "records" => [stored(), log_files()].concat(),
        "stream" => streamed(),
        "files" | "body" => [stored(), contained()].concat(),
        "wire" => stored().iter().map(|events| batch(events)).collect(),
        "state" => state(),
        "config" => vec![settings::DEFAULT.as_bytes().to_vec()],
        _ => Vec::new(),
    }
}

/// Up to three stored events of each kind of the day.
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

/// An event with the fields that decide its kind, and an event with a field of every Avro type.
fn streamed() -> Vec<Vec<u8>> {
    const LOGIN: &str = r#"{"type":"record","name":"LoginEventStream","fields":[
        {"name":"CreatedDate","type":"long"},{"name":"EventDate","type":["null","long"]},
        {"name":"EventIdentifier","type":["null","string"]},{"name":"UserId","type":["null","string"]},
        {"name":"Status","type":["null","string"]}]}"#;
    // Avro: zigzag numbers (doubled if positive), strings after their length, the branch 1 before each nullable value.
    let login = b"\x80\xbf\xb3\xef\x95g\x02\x80\xbf\xb3\xef\x95g\x02\x04e1\x02\x1e005000000000001\x02\x0eSuccess";
    const ALL: &str = r#"{"type":"record","name":"ApiEventStream","fields":[
        {"name":"Kind","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"Raw","type":"bytes"},
        {"name":"List","type":{"type":"array","items":["null","string"]}},{"name":"Map","type":{"type":"map","values":"int"}},
        {"name":"Inner","type":{"type":"record","name":"I","fields":[{"name":"N","type":"int"}]}},
        {"name":"Float","type":"float"},{"name":"Double","type":"double"},{"name":"Is","type":"boolean"}]}"#;
    let all =
        b"\x02\x04ab\x04\x00\x02\x02a\x00\x02\x02k\x02\x00\x02\x00\x00\x80\x3f\x00\x00\x00\x00\x00\x00\xf0\x3f\x01";
    [(LOGIN, login.as_slice()), (ALL, all)].map(|(schema, event)| [schema.as_bytes(), &[0], event].concat()).to_vec()
}

/// Up to three rows of each kind of log file, after the header.
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

/// Log files in containers, encodings and dialects.
fn contained() -> Vec<Vec<u8>> {
    let files: Vec<Vec<u8>> = log_files().into_iter().filter(|file| file.len() < 8 << 10).collect();
    let Some(one) = files.first() else { return Vec::new() };
    let text = String::from_utf8_lossy(one);
    let utf_16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let semicolons = format!("sep=;\r\n{}", text.replace("\",\"", "\";\"")).into_bytes();
    let carriage_returns = text.replace('\n', "\r").into_bytes();
    let mut contained = vec![utf_16, semicolons, carriage_returns];
    contained.extend(tar(&files));
    contained.extend(zip(&files));
    contained.extend(zip(&contained));
    contained
}

fn tar(files: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, file) in files.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.len() as u64);
        builder.append_data(&mut header, format!("{number}.csv"), file.as_slice()).ok()?;
    }
    builder.into_inner().ok()
}

fn zip(files: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (number, file) in files.iter().enumerate() {
        let (mut entry, config) = archive.new_file(format!("{number}.csv").as_str()).start().ok()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(file).ok()?;
        let (_, descriptor) = writer.finish().ok()?;
        entry.finish(descriptor).ok()?;
    }
    archive.finish().ok()?;
    Some(bytes)
}

/// Each record after the number of its key.
fn state() -> Vec<Vec<u8>> {
    let records = crate::fresh(&profile::Settings::default());
    let seed = |(which, key): (u8, &&str)| {
        let (_, bytes) = records.iter().find(|(name, _)| name.starts_with(*key))?;
        Some([&[which], bytes.as_slice()].concat())
    };
    (0..).zip(&crate::KEYS).filter_map(seed).collect()
}

fn batch(events: &[u8]) -> Vec<u8> {
    let context = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
    let Ok(format) = salesforce::detect(events) else { return Vec::new() };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streamed_seeds_match_their_schemas() {
        for seed in streamed() {
            let parts: Vec<&[u8]> = seed.splitn(2, |byte| *byte == 0).collect();
            let schema = std::str::from_utf8(parts[0]).unwrap();
            let (_, fields) = salesforce_client::pubsub::read_event(schema, parts[1]).unwrap();
            assert!(fields.len() >= 5, "{fields:?}");
        }
    }
}
