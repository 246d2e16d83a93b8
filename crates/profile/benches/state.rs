//! The size of a profile and the time of an observation: `cargo bench -p orgwatch-profile`.
//!
//! A simulated org of five hundred users over sixty days.
#![expect(clippy::unwrap_used, reason = "a benchmark fails on any error")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use model::{Activity, OrgId, UserClass, UserId};
use profile::{Org, Settings};
use salesforce::{Chunks, Context, Format};
use simulator::{Plan, Simulation};
use std::collections::BTreeMap;
use std::time::Instant;

const USERS: u32 = 500;
const DAYS: u32 = 60;
const ROUNDS: usize = 3;

fn main() {
    let plan = Plan::new(USERS, DAYS, 1);
    let id = OrgId::new(&plan.org_id);
    let activities = activities(plan, &id);
    println!("{} events of {USERS} users over {DAYS} days\n", activities.len());

    let mut org = learn(&id, &activities);
    print_bytes(&org, "with the day open", in_memory(&org));
    let bytes = stored(&mut org);
    print_bytes(&org, "with the day open, stored", bytes);
    org.finish(&mut Vec::new());
    print_bytes(&org, "at rest", in_memory(&org));
    let bytes = stored(&mut org);
    print_bytes(&org, "at rest, stored", bytes);
    println!();

    let seconds = |_| {
        let start = Instant::now();
        std::hint::black_box(learn(&id, &activities));
        start.elapsed().as_secs_f64()
    };
    let best = (0..ROUNDS).map(seconds).min_by(f64::total_cmp).unwrap();
    println!("{:.0} ns an activity, hours and days closed; best of {ROUNDS}", best * 1e9 / activities.len() as f64);
}

fn learn(id: &OrgId, activities: &[Activity]) -> Org {
    let mut org = Org::new(id.clone(), &Settings::default()).unwrap();
    let mut out = Vec::new();
    for activity in activities {
        org.observe(activity, &mut out);
        out.clear();
    }
    org
}

fn in_memory(org: &Org) -> BTreeMap<UserId, usize> {
    org.profiles().map(|(user, profile)| (user.clone(), profile.bytes())).collect()
}

/// Returns the stored bytes of the profiles that changed, and prints those of the rest of the org.
fn stored(org: &mut Org) -> BTreeMap<UserId, usize> {
    let start = Instant::now();
    let records = org.take_changes().unwrap();
    let elapsed = start.elapsed();
    let bytes: BTreeMap<&str, usize> =
        records.iter().map(|record| (record.key.as_str(), record.bytes.as_ref().map_or(0, Vec::len))).collect();
    let users: BTreeMap<UserId, usize> = org
        .profiles()
        .filter_map(|(user, _)| Some((user.clone(), *bytes.get(Org::user_key(user).as_str())?)))
        .collect();
    let all: usize = bytes.values().sum();
    let of_users: usize = users.values().sum();
    println!("\n{} records of {all} bytes in {elapsed:.1?}; {} bytes are not of users", bytes.len(), all - of_users);
    users
}

/// Prints quantiles of `bytes` by class.
fn print_bytes(org: &Org, when: &str, bytes: BTreeMap<UserId, usize>) {
    let mut by_class: BTreeMap<UserClass, Vec<usize>> = BTreeMap::new();
    for (user, profile) in org.profiles() {
        by_class.entry(profile.class()).or_default().extend(bytes.get(user));
    }
    println!("{:>12} {:>6} {:>8} {:>8} {:>8}  bytes a user {when}", "class", "users", "median", "p90", "max");
    let all: Vec<usize> = by_class.values().flatten().copied().collect();
    let rows = by_class.into_iter().map(|(class, bytes)| (class.as_str(), bytes)).chain([("all", all)]);
    for (class, mut bytes) in rows {
        bytes.sort_unstable();
        let at = |share: usize| bytes.get(bytes.len() * share / 100).or(bytes.last()).copied().unwrap_or(0);
        println!("{class:>12} {:>6} {:>8} {:>8} {:>8}", bytes.len(), at(50), at(90), at(100));
    }
}

/// Returns the simulated events in the order of their delivery.
fn activities(plan: Plan, org: &OrgId) -> Vec<Activity> {
    let context = Context { org: Some(org.clone()), ..Context::default() };
    let mut activities = Vec::new();
    for day in Simulation::new(plan).unwrap() {
        let mut text = Vec::new();
        day.events.iter().for_each(|event| event.write_json(&mut text));
        let mut chunks = Chunks::new(text.as_slice(), Format::JsonLines);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            activities.extend(salesforce::parse(&chunk, &context).activities);
        }
    }
    activities
}
