//! An org that is stored, stopped and restored at any time is like one that never stopped.

use super::*;
use proptest::prelude::*;
use salesforce::{Chunks, Context, Format};
use simulator::{Attacks, Plan, Simulation};
use std::ops::Range;
use std::sync::LazyLock;

/// What a service may meet after some activities.
#[derive(Clone, Copy, Debug)]
enum Event {
    Checkpoint,
    /// A checkpoint, and no more profiles in memory than needed, but for so many.
    Evict(usize),
    /// All that was not stored is lost.
    Crash,
}

/// Observations and fates by index of the activity; those of the end come last.
type Told = Vec<(ActivityOutcome, Vec<Observation>)>;

struct World {
    id: OrgId,
    activities: Vec<Activity>,
    told: Told,
    state: Table,
}

/// A simulated org, and what becomes of it when nothing interrupts.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let plan = Plan { attacks: Attacks::None, start: "2026-03-30".parse().unwrap(), ..Plan::new(30, 9, 7) };
    let id = OrgId::new(&plan.org_id);
    let activities = activities(plan, &id);
    let mut org = Org::new(id.clone(), &settings()).unwrap();
    let mut told: Told = (0..activities.len()).map(|index| step(&mut org, &activities, index, &Table::new())).collect();
    told.push(finish(&mut org));
    let state = dump(org, &Table::new());
    World { id, activities, told, state }
});

pub(super) fn activities_of_the_world() -> &'static [Activity] {
    &WORLD.activities
}

/// In order of delivery, with copies, some of which tell more than the first, and late ones in between; with a right
/// that all get halfway.
fn activities(plan: Plan, org: &OrgId) -> Vec<Activity> {
    let context = Context { org: Some(org.clone()) };
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
    let mut places: Vec<(usize, Activity)> = Vec::new();
    for (index, mut activity) in ordered.into_iter().enumerate() {
        if index % 5 == 0 {
            activity.administers = Some(index > count / 2);
        }
        if index % 31 == 0 {
            places.push((index + (index * 7) % (count / 2), activity.clone()));
            (activity.source_ip, activity.session_key, activity.administers) = (None, None, None);
        }
        let is_late = index % 53 == 0;
        places.push((if is_late { index + (index * 11) % (count / 3) } else { index }, activity));
    }
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, activity)| activity).collect()
}

/// One activity or lesson, and now and then the clock that goes on by itself, or events that are missing or come again.
fn step(org: &mut Org, activities: &[Activity], index: usize, table: &Table) -> (ActivityOutcome, Vec<Observation>) {
    let how = if index % 900 < 100 { Org::teach } else { Org::observe };
    let (fate, mut out) = learn(how, org, &activities[index], table);
    match index % 400 {
        100 => org.blind(Kind::ListView),
        300 => org.sighted(Kind::ListView),
        399 => org.advance(activities[index].event_time, &mut out),
        _ => {}
    }
    (fate, out)
}

fn finish(org: &mut Org) -> (ActivityOutcome, Vec<Observation>) {
    let mut out = Vec::new();
    org.finish(&mut out);
    (ActivityOutcome::Learned, out)
}

fn go_on(org: &mut Org, range: Range<usize>, table: &Table, told: &mut Told) {
    let start = range.start;
    for (offset, told) in told[range].iter_mut().enumerate() {
        *told = step(org, &WORLD.activities, start + offset, table);
    }
}

fn check(script: &[(usize, Event)]) {
    let world = &*WORLD;
    let mut told: Told = vec![(ActivityOutcome::Away, Vec::new()); world.told.len()];
    let mut table = Table::new();
    let mut stored = 0;
    let mut org = Org::new(world.id.clone(), &settings()).unwrap();
    let mut index = 0;
    for (count, event) in script {
        let end = (index + count).min(world.activities.len());
        go_on(&mut org, index..end, &table, &mut told);
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
    go_on(&mut org, index..world.activities.len(), &table, &mut told);
    *told.last_mut().unwrap() = finish(&mut org);
    for (at, (expected, found)) in world.told.iter().zip(&told).enumerate() {
        assert_eq!(found, expected, "activity {at}");
    }
    apply(&mut table, org.take_changes().unwrap());
    let whole = dump(org, &table);
    for (key, bytes) in &world.state {
        assert!(whole.get(key) == Some(bytes), "{key} differs");
    }
    assert_eq!(whole.len(), world.state.len());
    // What checkpoints wrote one by one is the whole state. Identities are in the order in which they came.
    assert!(dump(restore(&world.id, &table), &table) == whole);
    let fixed = |table: Table| table.into_iter().filter(|(key, _)| key != "head" && !key.starts_with("seen/"));
    assert!(fixed(table).eq(fixed(whole)));
}

#[test]
fn the_world_has_it_all() {
    let world = &*WORLD;
    let fates = [
        ActivityOutcome::Learned,
        ActivityOutcome::Late,
        ActivityOutcome::Duplicate,
        ActivityOutcome::Enriched,
        ActivityOutcome::Forgotten,
    ];
    for fate in fates {
        assert!(world.told.iter().any(|(told, _)| *told == fate), "{fate:?}");
    }
    assert!(world.told.iter().any(|(told, out)| *told == ActivityOutcome::Enriched && !out.is_empty()));
    let blind = world.told.iter().flat_map(|(_, out)| out).filter(|told| told.blind == [Kind::ListView]).count();
    assert!(blind > 10, "{blind}");
    let mut kinds: Vec<&str> =
        world.state.keys().map(|key| key.split_once('/').map_or(&key[..], |key| key.0)).collect();
    kinds.dedup();
    assert_eq!(kinds, ["head", "known", "names", "populations", "progress", "seen", "slots", "user"]);
    assert!(world.told.iter().map(|(_, told)| told.len()).sum::<usize>() > 100);
}

#[test]
fn a_checkpoint_and_a_crash_at_every_turn() {
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
