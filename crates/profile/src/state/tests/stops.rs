//! An org that is stored, stopped and restored at any time equals one that never stopped.

use super::*;
use proptest::prelude::*;
use salesforce::{Chunks, Context, Format};
use simulator::{Attacks, Plan, Simulation};
use std::ops::Range;
use std::sync::LazyLock;

/// What may happen to a service between activities.
#[derive(Clone, Copy, Debug)]
enum Event {
    Checkpoint,
    /// A checkpoint, after which at most so many idle profiles stay in memory.
    Evict(usize),
    /// Everything that was not stored is lost.
    Crash,
}

/// Outcome and observations by index of the activity; those of [`Org::finish`] come last.
type Results = Vec<(ActivityOutcome, Vec<Observation>)>;

struct World {
    id: OrgId,
    activities: Vec<Activity>,
    results: Results,
    state: Table,
}

/// A simulated org, and its results without interruption.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let plan = Plan { attacks: Attacks::None, start: "2026-03-30".parse().unwrap(), ..Plan::new(30, 9, 7) };
    let id = OrgId::new(&plan.org_id);
    let activities = activities(plan, &id);
    let mut org = Org::new(id.clone(), &settings()).unwrap();
    let mut results: Results =
        (0..activities.len()).map(|index| step(&mut org, &activities, index, &Table::new())).collect();
    results.push(finish(&mut org));
    let state = dump(org, &Table::new());
    World { id, activities, results, state }
});

pub(super) fn activities_of_the_world() -> &'static [Activity] {
    &WORLD.activities
}

/// Returns the activities in order of delivery, with late ones and with copies, some with more facets than the first;
/// all accounts get the right to administer halfway, every third API call writes, and every seventh is in the log of all
/// calls alone.
fn activities(plan: Plan, org: &OrgId) -> Vec<Activity> {
    let context = Context { org: Some(org.clone()), ..Context::default() };
    let mut ordered = Vec::new();
    for day in Simulation::new(plan).unwrap() {
        let mut text = Vec::new();
        day.events.iter().for_each(|event| event.write_json(&mut text));
        let mut chunks = Chunks::new(text.as_slice(), Format::JsonLines);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            ordered.extend(salesforce::parse(&chunk, &context).activities);
        }
    }
    let count = ordered.len();
    let mut delivered: Vec<(usize, Activity)> = Vec::new();
    for (index, mut activity) in ordered.into_iter().enumerate() {
        if index % 5 == 0 {
            activity.administers = Some(index > count / 2);
        }
        if activity.kind == Kind::Api && index % 3 == 0 {
            (activity.effect, activity.operation) = (model::Effect::Write, Some("Upsert".into()));
        }
        if activity.kind == Kind::Api && index % 7 == 0 {
            activity.kind = Kind::ApiUsage;
        }
        if index % 31 == 0 {
            delivered.push((index + (index * 7) % (count / 2), activity.clone()));
            (activity.source_ip, activity.session_key, activity.administers) = (None, None, None);
        }
        let is_late = index % 53 == 0;
        delivered.push((if is_late { index + (index * 11) % (count / 3) } else { index }, activity));
    }
    delivered.sort_by_key(|(position, _)| *position);
    delivered.into_iter().map(|(_, activity)| activity).collect()
}

/// Learns one activity, some as backfill. Now and then the clock advances, or events go missing or come again.
fn step(org: &mut Org, activities: &[Activity], index: usize, table: &Table) -> (ActivityOutcome, Vec<Observation>) {
    let how = if index % 900 < 100 { Org::backfill } else { Org::observe };
    let (outcome, mut out) = learn(how, org, &activities[index], table);
    match index % 400 {
        100 => org.blind(Kind::ListView),
        200 => org.judge(activities[index].event_time.plus(3 * time::HOUR), &mut out),
        300 => org.sighted(Kind::ListView),
        399 => org.advance(activities[index].event_time, &mut out),
        _ => {}
    }
    (outcome, out)
}

fn finish(org: &mut Org) -> (ActivityOutcome, Vec<Observation>) {
    let mut out = Vec::new();
    org.finish(&mut out);
    (ActivityOutcome::Learned, out)
}

fn go_on(org: &mut Org, range: Range<usize>, table: &Table, results: &mut Results) {
    let start = range.start;
    for (offset, result) in results[range].iter_mut().enumerate() {
        *result = step(org, &WORLD.activities, start + offset, table);
    }
}

fn check(script: &[(usize, Event)]) {
    let world = &*WORLD;
    let mut results: Results = vec![(ActivityOutcome::Away, Vec::new()); world.results.len()];
    let mut table = Table::new();
    let mut stored = 0;
    let mut org = Org::new(world.id.clone(), &settings()).unwrap();
    let mut index = 0;
    for (count, event) in script {
        let end = (index + count).min(world.activities.len());
        go_on(&mut org, index..end, &table, &mut results);
        index = end;
        if let Event::Checkpoint | Event::Evict(_) = event {
            apply(&mut table, org.take_changes().unwrap());
            stored = index;
        }
        match event {
            Event::Checkpoint => {}
            Event::Evict(limit) => {
                org.evict(*limit);
            }
            Event::Crash if table.is_empty() => {
                org = Org::new(world.id.clone(), &settings()).unwrap();
                index = 0;
            }
            Event::Crash => {
                org = restore(&world.id, &table);
                index = stored;
            }
        }
    }
    go_on(&mut org, index..world.activities.len(), &table, &mut results);
    *results.last_mut().unwrap() = finish(&mut org);
    for (at, (expected, found)) in world.results.iter().zip(&results).enumerate() {
        assert_eq!(found, expected, "activity {at}");
    }
    apply(&mut table, org.take_changes().unwrap());
    let whole = dump(org, &table);
    for (key, bytes) in &world.state {
        assert!(whole.get(key) == Some(bytes), "{key} differs");
    }
    assert_eq!(whole.len(), world.state.len());
    // The checkpoints together are the whole state. Identities are in the order in which they came.
    assert!(dump(restore(&world.id, &table), &table) == whole);
    let fixed = |table: Table| table.into_iter().filter(|(key, _)| key != "head" && !key.starts_with("seen/"));
    assert!(fixed(table).eq(fixed(whole)));
}

#[test]
fn the_simulated_org_covers_every_case() {
    let world = &*WORLD;
    let outcomes = [
        ActivityOutcome::Learned,
        ActivityOutcome::Late,
        ActivityOutcome::Duplicate,
        ActivityOutcome::Enriched,
        ActivityOutcome::Forgotten,
    ];
    for outcome in outcomes {
        assert!(world.results.iter().any(|(found, _)| *found == outcome), "{outcome:?}");
    }
    assert!(world.results.iter().any(|(found, out)| *found == ActivityOutcome::Enriched && !out.is_empty()));
    let blind = world
        .results
        .iter()
        .flat_map(|(_, out)| out)
        .filter(|observation| observation.blind == [Kind::ListView])
        .count();
    assert!(blind > 10, "{blind}");
    let mut kinds: Vec<&str> =
        world.state.keys().map(|key| key.split_once('/').map_or(&key[..], |key| key.0)).collect();
    kinds.dedup();
    assert_eq!(kinds, ["head", "known", "names", "populations", "progress", "seen", "signals", "slots", "user"]);
    assert!(world.results.iter().map(|(_, out)| out.len()).sum::<usize>() > 100);
}

#[test]
fn frequent_checkpoints_and_crashes_leave_no_trace() {
    let every = WORLD.activities.len() / 150;
    let script: Vec<_> = (0..150)
        .flat_map(|turn| [(every, Event::Evict(turn % 3)), (every / 2, Event::Crash), (every / 3, Event::Crash)])
        .collect();
    check(&script);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn stops_leave_no_trace(script in prop::collection::vec(
        (0usize..2_500, prop_oneof![Just(Event::Checkpoint), (0usize..12).prop_map(Event::Evict), Just(Event::Crash)]),
        0..40,
    )) {
        check(&script);
    }
}
