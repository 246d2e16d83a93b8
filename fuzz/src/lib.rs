//! Fuzz targets for every parser and decoder of foreign bytes. A target takes any bytes and fails by panicking.
//!
//! `cargo xtask test` runs the targets on seeds, corpus and damaged copies of both; `cargo xtask fuzz TARGET` runs libFuzzer.

mod seeds;

pub use seeds::seeds;

use ingest::decode::{Packing, decode};
use model::{Activity, Batch, Change, Entry, Finding, Observation, OrgId, Timestamp, UserId};
use salesforce::{Chunks, Context, Occurrences};
use std::fmt::Debug;
use std::path::Path;

/// The name of a target and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("records", records),
    ("files", files),
    ("stream", stream),
    ("body", body),
    ("wire", wire),
    ("state", state),
    ("config", config),
];

/// The prefixes of the keys of stored state.
const KEYS: [&str; 8] = ["head", "populations", "progress", "slots", "known", "names", "seen", "user"];

const ORG: &str = "00D000000000001EAA";

/// Parses files of events, JSON and CSV. Every activity that was read survives encoding.
pub fn records(data: &[u8]) {
    let context = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
    let Ok(format) = salesforce::detect(data) else { return };
    let mut chunks = Chunks::new(data, format);
    let mut occurrences = Occurrences::new();
    while let Ok(Some(chunk)) = chunks.next_chunk() {
        let parsed = salesforce::parse(&chunk, &context);
        chunks.recycle(chunk);
        for mut activity in parsed.activities {
            occurrences.number(&mut activity);
            assert_encodes(Entry::from(activity));
        }
    }
}

/// Reads a file of events: packed, archived, in any encoding and dialect.
pub fn files(data: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("input");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let given = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
    let Ok((inputs, _)) = ::files::expand(&[path], &given) else { return };
    let read = ::files::read::<::files::InputError>(&inputs, given.org.as_ref(), 1, |batch| {
        assert!(batch.rejects.iter().all(|(path, _)| path.starts_with(folder.path())));
        Ok(())
    });
    assert!(read.is_ok(), "{read:?}");
}

/// Parses events of the Pub/Sub API: an Avro schema, a zero byte, and a payload of that schema.
pub fn stream(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (Some(schema), Some(payload)) = (parts.next(), parts.next()) else { return };
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let Ok((name, fields)) = salesforce_client::pubsub::read_event(schema, payload) else { return };
    let context = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
    if let Ok(Some(activity)) = salesforce::from_fields(&name, fields, &context) {
        assert_encodes(Entry::from(activity));
    }
}

/// Decodes bodies of pushes, compressed or not.
pub fn body(data: &[u8]) {
    const MOST: u64 = 1 << 20;
    for packing in [Packing::Detect, Packing::Gzip, Packing::Zstd] {
        let take = |batch: Vec<Activity>| {
            assert!(batch.iter().all(|activity| activity.org_id.as_str() == ORG));
            true
        };
        let context = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
        drop(decode(data.into(), packing, context, MOST, Timestamp(0), take));
    }
}

/// Decodes messages of every stream. A decoded message is the same after encoding and decoding again.
pub fn wire(data: &[u8]) {
    round_trip::<Entry>(data);
    round_trip::<Observation>(data);
    round_trip::<Finding>(data);
    round_trip::<Change>(data);
}

/// Restores stored state in which one record is damaged: the first byte selects it, the rest is its content.
pub fn state(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let settings = profile::Settings::default();
    let mut records = fresh(&settings);
    let key = KEYS.get(usize::from(*which) % KEYS.len()).copied().unwrap_or_default();
    for (name, record) in &mut records {
        if name.starts_with(key) {
            *record = bytes.to_vec();
        }
    }
    let Ok(mut restore) = profile::Restore::new(OrgId::new(ORG), &settings) else { return };
    if records.into_iter().any(|(key, record)| restore.add(key, record).is_err()) {
        return;
    }
    let Ok(mut org) = restore.finish() else { return };
    for user in org.wanted().into_iter().take(8) {
        // A damaged profile is refused.
        org.load(&user, bytes).ok();
    }
    org.finish(&mut Vec::new());
}

/// Parses configuration files. A configuration that parses is valid.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(config) = settings::Settings::parse(text, Path::new("fuzzed.toml")) {
        assert!(config.check().is_empty());
    }
}

fn round_trip<T: Batch + PartialEq + Debug>(data: &[u8]) {
    let Ok(items) = T::decode_batch(data) else { return };
    let written = T::encode_batch(&items);
    let again = T::decode_batch(&written);
    assert!(again.is_ok_and(|again| again == items), "differs after encoding and decoding: {items:?}");
}

fn assert_encodes(entry: Entry) {
    let item = model::Item::new(entry);
    let written = Entry::encode_batch(std::slice::from_ref(&item));
    let again = Entry::decode_batch(&written);
    assert!(again.is_ok_and(|again| again == [item]), "a parsed activity differs after encoding and decoding");
}

/// The records of an org with three activities of two users.
fn fresh(settings: &profile::Settings) -> Vec<(String, Vec<u8>)> {
    let Ok(mut org) = profile::Org::new(OrgId::new(ORG), settings) else { return Vec::new() };
    let mut out = Vec::new();
    for number in 0..3_i64 {
        let id = model::id::derive(&[&number.to_string()]);
        let user = UserId::new(if number == 0 { "one" } else { "two" });
        let at = Timestamp(number * 1_000);
        let activity = Activity::new(id, OrgId::new(ORG), user, at, model::Channel::Stored, model::Kind::ListView);
        org.observe(&activity, &mut out);
    }
    let changes = org.take_changes().unwrap_or_default();
    changes.into_iter().filter_map(|record| Some((record.key, record.bytes?))).collect()
}
