//! How events are delivered, in what parts, after which pauses and how late, decides nothing but when they are judged.

use crate::events::{Events, about_a_hundred, user, working_days};
use crate::support::{canonical_of, measure};
use engine::{ActivityOutcome, Engine, Finished};
use model::time::{DAY, HOUR, MINUTE};
use model::{Activity, Command, Control, Entry, Finding, OrgId, Timestamp};
use proptest::prelude::*;
use salesforce::{Chunks, Context, Format};
use serde_json::json;
use settings::Settings;
use simulator::{Attacks, Plan, Simulation};
use std::sync::LazyLock;

const ORG: &str = "00Dhn0000018hrcEAA";
const DAYS: usize = 20;

fn parse(text: &str) -> Vec<Activity> {
    let context = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
    let mut chunks = Chunks::new(text.as_bytes(), Format::JsonLines);
    let mut activities = Vec::new();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        activities.extend(salesforce::parse(&chunk, &context).activities);
    }
    activities
}

fn run(entries: impl IntoIterator<Item = Entry>) -> Finished {
    let mut engine = Engine::new(Settings::default(), None);
    entries.into_iter().for_each(|entry| engine.apply(&entry).unwrap());
    engine.finish().unwrap()
}

fn watermark(at: Timestamp) -> Entry {
    Entry::Control(Control { org_id: OrgId::new(ORG), command: Command::Watermark(at) })
}

/// A simulated org with an attack of each family, in order of time.
static SIMULATED: LazyLock<Vec<Activity>> = LazyLock::new(|| {
    let plan = Plan { attacks: Attacks::PerFamily(1), org_id: ORG.to_owned(), ..Plan::new(40, 20, 11) };
    let mut text = Vec::new();
    for day in Simulation::new(plan).unwrap() {
        day.events.iter().for_each(|event| event.write_json(&mut text));
    }
    let mut activities = parse(&String::from_utf8(text).unwrap());
    activities.sort_by_key(|activity| activity.event_time);
    activities
});

static WITHOUT_PAUSES: LazyLock<Finished> = LazyLock::new(|| run(SIMULATED.iter().cloned().map(Entry::from)));

#[test]
fn there_is_something_to_compare() {
    assert!(WITHOUT_PAUSES.incidents.len() >= 10, "{}", WITHOUT_PAUSES.incidents.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// While an org is silent, its watermark moves on with the clock on the wall, for hours or for months.
    #[test]
    fn pauses_change_no_incident(
        pauses in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![0..3 * HOUR, 0..300 * DAY]), 1..60),
    ) {
        let mut entries: Vec<(usize, Entry)> = SIMULATED.iter().cloned().map(Entry::from).enumerate().collect();
        for (index, silence) in pauses {
            let place = index.index(SIMULATED.len());
            for hours in 0..4 {
                entries.push((place, watermark(SIMULATED[place].event_time.plus(silence + hours * HOUR))));
            }
        }
        entries.sort_by_key(|(place, _)| *place);
        let finished = run(entries.into_iter().map(|(_, entry)| entry));
        prop_assert_eq!(&finished.counts.activities, &WITHOUT_PAUSES.counts.activities);
        prop_assert!(canonical_of(&finished) == canonical_of(&WITHOUT_PAUSES));
    }
}

/// Bulk queries of one account, `rows` on each working day and at the end `last`, among the ordinary days of others.
/// The rows of a day are in the hour from eleven on.
fn bulk(last: u64) -> Vec<Activity> {
    let mut events = Events::default();
    for (number, morning) in working_days().take(DAYS + 6).enumerate() {
        for other in 1..4 {
            events.ordinary_day(&user(other), morning.plus(other as i64 * MINUTE), about_a_hundred(other, number));
        }
        let rows = match number {
            ..DAYS => 4_000 + about_a_hundred(9, number) * 10,
            DAYS => last,
            _ => continue,
        };
        for part in 0..4 {
            let fields =
                json!({ "QueriedEntities": "Account", "Query": "SELECT Id FROM Account", "RowsProcessed": rows / 4 });
            events.add(
                "BulkApiResultEventStore",
                &user(9),
                morning.plus(2 * HOUR + part * 12 * MINUTE),
                fields.clone(),
            );
            let fields = json!({
                "QueriedEntities": "Account", "Operation": "Query", "RowsProcessed": rows / 4, "ApiType": "Bulk",
                "Query": "SELECT Id FROM Account",
            });
            events.add("ApiEvent", &user(9), morning.plus(2 * HOUR + part * 12 * MINUTE + 1), fields);
        }
    }
    parse(&events.text())
}

/// Delivers the activities of the bulk account `late` milliseconds after their time.
fn delivered(activities: Vec<Activity>, late: i64) -> Finished {
    let of_bulk = |activity: &Activity| activity.user_id.as_str() == user(9);
    let mut activities = activities;
    activities.sort_by_key(|activity| activity.event_time.plus(if of_bulk(activity) { late } else { 0 }));
    run(activities.into_iter().map(Entry::from))
}

/// Returns the row spikes of the last day of the bulk account.
fn spikes(finished: &Finished) -> Vec<&Finding> {
    let last = working_days().nth(DAYS).unwrap();
    let is_spike = |finding: &&Finding| finding.detector == "row_spike" && finding.user_id.as_str() == user(9);
    finished.findings.iter().filter(is_spike).filter(|finding| finding.revised_at >= last).collect()
}

#[test]
fn rows_that_come_after_their_day_count_against_it() {
    let on_time = delivered(bulk(90_000), 0);
    assert_eq!(on_time.counts.activities.get(&ActivityOutcome::Late), None);
    let expected = spikes(&on_time);
    assert_eq!(expected.len(), 1, "{expected:#?}");
    for late in [23 * HOUR, 47 * HOUR] {
        let finished = delivered(bulk(90_000), late);
        assert!(finished.counts.activities[&ActivityOutcome::Late] > 100, "{:?}", finished.counts.activities);
        let found = spikes(&finished);
        assert_eq!(found.len(), 1, "{late}: {found:#?}");
        assert_eq!((found[0].finding_id, measure(found[0], "rows")), (expected[0].finding_id, 90_000.0));
        let baseline = |finding: &Finding| measure(finding, "mean");
        let (of_found, of_expected) = (baseline(found[0]), baseline(expected[0]));
        assert!((of_found / of_expected - 1.0).abs() < 0.05, "{late}: learned {of_found}, not {of_expected}");
        assert_eq!((found[0].score, found[0].severity), (expected[0].score, expected[0].severity));
    }
}

#[test]
fn a_usual_day_that_comes_late_raises_nothing() {
    for late in [0, 23 * HOUR, 47 * HOUR] {
        let finished = delivered(bulk(4_800), late);
        assert_eq!(spikes(&finished), Vec::<&Finding>::new(), "{late}");
    }
}

/// Rows of forty accounts, half of which read more in the last hour of the last day but one.
static BUSY: LazyLock<Vec<Activity>> = LazyLock::new(|| {
    let mut events = Events::default();
    for (day, morning) in working_days().take(22).enumerate() {
        for number in 0..40 {
            let usual = about_a_hundred(number, day);
            events.ordinary_day(&user(number), morning.plus(number as i64 * 9 * MINUTE), usual);
            if day == 20 && number < 30 {
                let hour = morning.plus((8 + number as i64 % 3) * HOUR);
                events.list_view(&user(number), hour, "Account", "MyAccounts", usual * (2 + number as u64 % 4));
            }
        }
    }
    parse(&events.text())
});

static BUSY_WITHOUT_PAUSES: LazyLock<Finished> = LazyLock::new(|| run(BUSY.iter().cloned().map(Entry::from)));

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// In silence the day factor of the hour so far counts, which may be above or below that of the whole hour.
    #[test]
    fn pauses_on_a_busy_day_change_no_incident(pauses in prop::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let last_days = BUSY.len() * 20 / 22;
        let mut entries: Vec<(usize, Entry)> = BUSY.iter().cloned().map(Entry::from).enumerate().collect();
        for index in pauses {
            let place = last_days + index.index(BUSY.len() - last_days);
            entries.push((place, watermark(BUSY[place].event_time.plus(2 * HOUR))));
        }
        entries.sort_by_key(|(place, _)| *place);
        let finished = run(entries.into_iter().map(|(_, entry)| entry));
        prop_assert!(finished.counts.observations >= BUSY_WITHOUT_PAUSES.counts.observations);
        prop_assert!(canonical_of(&finished) == canonical_of(&BUSY_WITHOUT_PAUSES));
    }
}

#[test]
fn an_odd_hour_counts_in_whatever_order_it_comes() {
    /// Days after which an account's hours are known well.
    const MANY: usize = 120;
    let events = || {
        let mut events = Events::default();
        for (day, morning) in working_days().take(MANY + 1).enumerate() {
            for number in 1..8 {
                events.ordinary_day(&user(number), morning.plus(number as i64 * MINUTE), about_a_hundred(number, day));
            }
        }
        let night = working_days().nth(MANY).unwrap().plus(-6 * HOUR);
        for part in 0..20 {
            events.list_view(&user(3), night.plus(part * 2 * MINUTE), "Account", "MyAccounts", 30);
        }
        parse(&events.text())
    };
    let is_night = |activity: &Activity| activity.event_time.0.rem_euclid(DAY) < 6 * HOUR;
    let odd = |late: i64| {
        let mut activities = events();
        activities.sort_by_key(|activity| activity.event_time.plus(if is_night(activity) { late } else { 0 }));
        let finished = run(activities.into_iter().map(Entry::from));
        finished.findings.iter().filter(|finding| finding.detector == "off_hours").count()
    };
    assert_eq!(odd(0), 1, "in order");
    assert_eq!(odd(6 * HOUR + 30 * MINUTE), 1, "the same day, after its morning");
}

#[test]
fn what_is_older_than_identities_is_set_aside() {
    let finished = delivered(bulk(90_000), 7 * DAY);
    assert_eq!(spikes(&finished), Vec::<&Finding>::new());
    assert!(finished.counts.activities[&ActivityOutcome::Forgotten] > 100, "{:?}", finished.counts.activities);
}
