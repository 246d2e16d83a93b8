//! Identities of a large org, and a start from its checkpoint: `cargo bench -p orgwatch-store --bench restore`.
//!
//! Four days of 50 million events a day, a checkpoint for each five minutes of event time. `ORGWATCH_BENCH_HOURS` and
//! `ORGWATCH_BENCH_EVENTS` (an hour) make it smaller.
#![expect(clippy::unwrap_used, reason = "a benchmark fails on any error")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use engine::{Partition, Restore};
use model::{Activity, Channel, Entry, Kind, OrgId, Timestamp, UserId, Uuid, time};
use servers::Postgres;
use std::time::Instant;
use store::{Owner, Settings, StateEntry, StateKey, Store};

const PARTITION: i32 = 0;
/// Checkpoints of an hour.
const CHECKPOINTS: u64 = 12;
const USERS: u64 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let number = |name, default| std::env::var(name).map_or(default, |text: String| text.parse().unwrap());
    let (hours, events) = (number("ORGWATCH_BENCH_HOURS", 96), number("ORGWATCH_BENCH_EVENTS", 2_083_333));
    let server = Postgres::start().await.unwrap();
    let postgres = Settings { url: server.url().into(), ..Settings::default() };
    Store::connect(&postgres, "bench").await.unwrap().migrate().await.unwrap();
    let owner = Owner::connect(&postgres, "bench", "bench", 1).await.unwrap();
    assert!(owner.try_acquire(PARTITION).await.unwrap());

    let rules = settings::Settings::default();
    let mut partition = Partition::new(&rules);
    let start = Timestamp::parse("2026-03-30").unwrap();
    let (began, mut stored, mut longest) = (Instant::now(), 0, 0.0_f64);
    for hour in 0..hours {
        for checkpoint in 0..CHECKPOINTS {
            let each = events / CHECKPOINTS;
            for n in 0..each {
                let number = (hour * CHECKPOINTS + checkpoint) * each + n;
                let at = start
                    .plus((hour as i64 * time::HOUR) + (time::HOUR * (checkpoint * each + n) as i64 / events as i64));
                partition.apply(&activity(number, at), &mut Vec::new()).unwrap();
            }
            let writing = Instant::now();
            let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
            for (org_id, key, bytes) in partition.take_changes().unwrap() {
                match bytes {
                    Some(bytes) => upserts.push(StateEntry { org_id, key, bytes }),
                    None => deletes.push(StateKey { org_id, key }),
                }
            }
            stored += upserts.iter().map(|entry| entry.bytes.len()).sum::<usize>();
            owner.checkpoint(PARTITION, 1 + hour, &upserts, &deletes, &[], &[]).await.unwrap();
            longest = longest.max(writing.elapsed().as_secs_f64());
        }
        if hour % 8 == 7 {
            println!("hour {hour}: {:?}, {} MiB resident", partition.identities(), resident());
        }
    }
    let usage = partition.identities();
    println!("{usage:?}: {:.2} B an identity, {} MiB resident", usage.bytes as f64 / usage.entries as f64, resident());
    println!(
        "{:.0} s to apply and store; {stored} B written; longest checkpoint {longest:.2} s",
        began.elapsed().as_secs_f64()
    );
    drop(partition);

    let (began, mut rows, mut bytes, mut longest, mut last) = (Instant::now(), 0, 0, 0.0_f64, None);
    let mut restore = Restore::new(&rules);
    loop {
        let reading = Instant::now();
        let page = owner.load_page(PARTITION, "user/", last.as_ref()).await.unwrap();
        longest = longest.max(reading.elapsed().as_secs_f64());
        let Some(entry) = page.last() else { break };
        last = Some(StateKey { org_id: entry.org_id.clone(), key: entry.key.clone() });
        for entry in page {
            rows += 1;
            bytes += entry.bytes.len();
            restore.add(entry.org_id, entry.key, entry.bytes).unwrap();
        }
    }
    let restored = restore.finish().unwrap();
    println!(
        "restored {rows} rows of {bytes} B in {:.2} s, longest page {longest:.2} s: {:?}, {} MiB resident",
        began.elapsed().as_secs_f64(),
        restored.identities(),
        resident()
    );
}

/// Returns an activity that teaches as little as possible, with an id spread as random ones are.
fn activity(number: u64, at: Timestamp) -> Entry {
    let mix = |n: u64| {
        let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ n >> 31
    };
    let id = Uuid::from_u64_pair(mix(number.wrapping_mul(2)), mix(number.wrapping_mul(2) + 1));
    let user = UserId::new(&format!("user{}", number % USERS));
    let org = OrgId::new("00Dhn0000018hrcEAA");
    let mut activity = Activity::new(id, org, user, at, Channel::Stream, Kind::Uri);
    // Some combinations of facets, as real streams have.
    activity.client = number.is_multiple_of(2).then(|| "Chrome on macOS".into());
    activity.session_key = number.is_multiple_of(3).then(|| "session".into());
    activity.country = number.is_multiple_of(5).then(|| "FR".into());
    Entry::Activity(Box::new(activity))
}

/// Returns the MiB of memory that the process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
