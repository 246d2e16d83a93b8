//! The reserve as a whole: an org of a few accounts, one of which has a day that stands out.

mod handed_on;
mod idle;

use crate::org::{Member, Org};
use crate::user::Profile;
use crate::{ActivityOutcome, Disposing, Refusal, Restore, Settings, Standing, StoredAccount, Tested};
use model::time::{DAY, HOUR, MINUTE};
use model::{Activity, Channel, Disposition, Feature, Kind, Observation, OrgId, Timestamp, UserDay, UserId, Uuid};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The content of a checkpoint table.
type Table = BTreeMap<String, Vec<u8>>;
/// What a person says of the days of `EVE`, at the end of a day.
type Said = (i64, Option<Disposition>);

const EVE: &str = "eve";
const ACCOUNTS: [&str; 7] = [EVE, "ann", "bob", "cat", "dan", "fay", "gus"];
/// The day that stands out.
const SPIKE: i64 = 25;

fn at(day: i64) -> Timestamp {
    Timestamp::parse("2026-01-05").unwrap().plus(day * DAY)
}

fn settings(hold_days: u32) -> Settings {
    Settings { hold_days, ..Settings::default() }
}

fn org(settings: &Settings) -> Org {
    let mut org = Org::new(OrgId::new("00Dhn0000018hrcEAA"), settings).unwrap();
    test_by(&mut org);
    org
}

fn test_by(org: &mut Org) {
    org.calibrate_by(1);
    org.test_by(tests);
}

/// Stands for the detectors: how many deviations the rows of a day, and the ratio of its values, are above the usual.
fn tests(observation: &Observation) -> Vec<Tested> {
    let surprise = |feature: &Feature| match feature {
        Feature::Volume(volume) if volume.day.scale > 0.0 => {
            Some((volume.surface.as_str(), 2.0 * volume.day.standardized(volume.rows)))
        }
        Feature::Composition(days) if days.deviation > 0.0 => {
            Some(("composition", (days.ratio - days.mean) / days.deviation))
        }
        _ => None,
    };
    let found = observation.features.iter().filter_map(surprise);
    found.map(|(subject, surprise)| Tested { detector: "rows", subject, surprise: surprise.clamp(0.0, 30.0) }).collect()
}

/// Returns so many days of activities in order of delivery: some come late. `EVE` stands out on the days `spikes`.
fn activities(seed: u64, days: i64, spikes: &[i64]) -> Vec<Activity> {
    let mut delivered = Vec::new();
    let mut count = 0;
    for day in 0..days {
        for (index, user) in (0..).zip(ACCOUNTS) {
            for of_day in 0..5 {
                count += 1;
                let random = model::id::hash(&(seed.wrapping_mul(1 << 20) + count).to_le_bytes());
                let time = at(day).plus((8 + index + of_day) * HOUR + (random % 50) as i64 * MINUTE);
                let kind = if random.is_multiple_of(3) { Kind::ReportExport } else { Kind::Report };
                let id = Uuid::from_u128(count.into());
                let of = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new(user));
                let mut activity = Activity::new(id, of.0, of.1, time, Channel::Stream, kind);
                let is_spike = user == EVE && spikes.contains(&day);
                activity.rows = Some((random >> 8) % 200 + 50 + if is_spike { 400_000 } else { 0 });
                let report = if is_spike { 100 + of_day as u64 } else { (random >> 20) % 6 };
                activity.resource_id = Some(format!("00O{report}").into());
                activity.objects = [["Account", "Lead"][(random >> 30) as usize % 2].into()].into_iter().collect();
                activity.client =
                    Some(["Chrome on macOS", "curl"][usize::from((random >> 40).is_multiple_of(40))].into());
                let late = if random % 17 == 5 { (random >> 50) as i64 % 40 } else { 0 };
                delivered.push((time.plus(late * HOUR), activity));
            }
        }
    }
    delivered.sort_by_key(|(arrived, activity)| (*arrived, activity.id));
    delivered.into_iter().map(|(_, activity)| activity).collect()
}

/// An org with its checkpoints.
struct Service {
    org: Org,
    settings: Settings,
    table: Table,
    observed: Vec<Observation>,
    user_days: Vec<UserDay>,
}

impl Service {
    fn new(settings: Settings) -> Self {
        let (observed, user_days) = (Vec::new(), Vec::new());
        Self { org: org(&settings), settings, table: Table::new(), observed, user_days }
    }

    /// Observes an activity as the engine does.
    fn observe(&mut self, activity: &Activity) {
        let mut out = Vec::new();
        if self.org.observe(activity, &mut out) == ActivityOutcome::Away {
            self.load(&activity.user_id);
            assert_ne!(self.org.observe(activity, &mut out), ActivityOutcome::Away);
        }
        self.calibrate(&mut out);
        self.observed.extend(out);
    }

    fn calibrate(&mut self, out: &mut Vec<Observation>) {
        for observation in out.iter_mut() {
            let found = tests(observation);
            self.org.calibrate(observation, &found, true);
        }
        self.org.take_user_days(&mut self.user_days);
        self.org.close_calibrations();
        out.retain(|observation| observation.revision > 0);
    }

    fn finish(&mut self) {
        let mut out = Vec::new();
        self.org.finish(&mut out);
        self.calibrate(&mut out);
        self.observed.extend(out);
    }

    fn load(&mut self, user: &UserId) {
        self.org.load(user, &self.table[&Org::user_key(user)]).unwrap();
    }

    fn store(&mut self) {
        for record in self.org.take_changes().unwrap() {
            match record.bytes {
                Some(bytes) => self.table.insert(record.key, bytes),
                None => self.table.remove(&record.key),
            };
        }
    }

    /// Stores the org, and goes on with what is stored.
    fn restart(&mut self) {
        self.store();
        let mut restore = Restore::new(self.org.id().clone(), &self.settings).unwrap();
        for (key, bytes) in self.table.iter().filter(|(key, _)| !key.starts_with("user/")) {
            restore.add(key.clone(), bytes.clone()).unwrap();
        }
        self.org = restore.finish().unwrap();
        test_by(&mut self.org);
        for user in self.org.wanted() {
            self.load(&user);
        }
    }

    fn dispose(&mut self, said: Option<Disposition>) -> Vec<Result<Standing, Refusal>> {
        let user = UserId::new(EVE);
        if self.org.is_away(&user) {
            self.load(&user);
        }
        // What is stored says what will happen.
        self.store();
        let [head, profile] = StoredAccount::keys(&user).map(|key| &self.table[&key]);
        let stored = StoredAccount::read(&user, head, profile).unwrap();
        let (from, until) = (at(SPIKE).plus(9 * HOUR), at(SPIKE).plus(HOUR * 20));
        let preview = stored.would_dispose(from, until, said);
        assert_eq!(stored.held(), self.org.held(&user));
        let done = self.org.dispose(&user, from, until, said);
        assert_eq!(done, Disposing::Days(preview.clone()));
        preview.into_iter().map(|day| day.after).collect()
    }

    fn standing(&self) -> Vec<Standing> {
        let held = self.org.held(&UserId::new(EVE));
        held.into_iter().filter(|held| held.day == at(SPIKE)).map(|held| held.standing).collect()
    }

    fn eve(&mut self) -> &mut Profile {
        let slot = self.org.slots[&UserId::new(EVE)];
        &mut crate::org::user_at(&mut self.org.users, slot).unwrap().profile
    }

    /// Returns all records, as if every account had made as many observations.
    fn state(mut self) -> Table {
        for user in self.org.slots.keys().filter(|user| self.org.is_away(user)).cloned().collect::<Vec<_>>() {
            self.load(&user);
        }
        for member in &mut self.org.users {
            let Member::InMemory(user) = member else { panic!("all are loaded") };
            user.profile.revision = 0;
            let combined = user.profile.reserve.as_mut().and_then(|reserve| reserve.combined.as_mut());
            combined.into_iter().for_each(|combined| combined.revision = 0);
        }
        self.org.changes.is_taken = false;
        self.table.clear();
        self.store();
        self.table
    }
}

/// Observes activities; `said` is said at the ends of days, and the service restarts before the activities `stops`.
fn run(activities: &[Activity], hold_days: u32, said: &[Said], stops: &[usize]) -> Service {
    let mut service = Service::new(settings(hold_days));
    let mut said = said.iter();
    let mut next = said.next();
    for (index, activity) in activities.iter().enumerate() {
        while let Some((day, what)) = next.filter(|(day, _)| activity.event_time >= at(*day + 1)) {
            let days = service.dispose(*what);
            assert!(days.iter().all(Result::is_ok), "{day} {what:?} {days:?}");
            next = said.next();
        }
        if stops.contains(&index) {
            service.restart();
            service.org.evict(2);
        }
        service.observe(activity);
    }
    service
}

fn differences(a: &Table, b: &Table) -> Vec<String> {
    let keys = a.keys().chain(b.keys()).collect::<std::collections::BTreeSet<_>>();
    keys.into_iter().filter(|key| a.get(*key) != b.get(*key)).cloned().collect()
}

#[test]
fn a_day_that_stands_out_is_held_and_released_and_learned() {
    let world = activities(1, SPIKE + 50, &[SPIKE]);
    let mut service = Service::new(settings(14));
    let mut standings = Vec::new();
    let mut days = Vec::new();
    for activity in &world {
        service.observe(activity);
        standings.extend(service.standing());
        standings.dedup();
        if activity.user_id.as_str() == EVE {
            days.push((activity.event_time, service.eve().days()));
            days.dedup_by_key(|(_, days)| *days);
        }
    }
    assert_eq!(standings, [Standing::Held, Standing::Released]);
    assert_eq!(service.standing(), [], "learned for good");
    let usual = service.eve().rows_of(model::Surface::Report).unwrap().day;
    let without = run(&activities(1, SPIKE + 50, &[]), 14, &[], &[]);
    let held = without.org.held(&UserId::new(EVE));
    assert!(held.is_empty(), "an ordinary day is not held: {held:?}");
    assert!(usual.weight > 50.0, "{usual:?}");
    assert_eq!(service.dispose(Some(Disposition::Malicious)), [Err(Refusal::LearnedForGood)]);
    // As a decision of a person it is refused once, with the day, when the account is active again.
    let json = r#"{"decision_id":"00000000-0000-0000-0000-000000000001","org_id":"00Dhn0000018hrcEAA","user_id":"EVE",
        "ruling":{"kind":"disposition","incident_id":"00000000-0000-0000-0000-000000000002","disposition":"malicious",
        "teaches":true,"user_class":"normal","severity":"high"},"from":"FROM","until":"UNTIL","decided_by":"a",
        "reason":"b","decided_at":"FROM"}"#;
    let json = json.replace("EVE", EVE).replace("FROM", &at(SPIKE).to_string());
    let json = json.replace("UNTIL", &at(SPIKE + 1).to_string());
    let decision: model::Decision = serde_json::from_str(&json).unwrap();
    service.org.decide(&decision, None);
    let last = world.last().unwrap().event_time;
    for hours in [3, 40, 50] {
        let mut activity = world.iter().rev().find(|activity| activity.user_id.as_str() == EVE).unwrap().clone();
        (activity.id, activity.event_time) = (Uuid::from_u128(9_000 + hours as u128), last.plus(hours * HOUR));
        service.observe(&activity);
    }
    assert_eq!(service.org.take_too_late(), [(decision.decision_id, at(SPIKE))]);
    assert_eq!(service.org.take_too_late(), []);
}

#[test]
fn what_is_held_does_not_move_what_is_usual() {
    let usual = |hold_days, has_spike| {
        let mut service = run(&activities(2, SPIKE + 8, if has_spike { &[SPIKE] } else { &[] }), hold_days, &[], &[]);
        service.eve().rows_of(model::Surface::Report).unwrap().day.mean
    };
    let (ordinary, held, learned) = (usual(14, false), usual(14, true), usual(0, true));
    assert!((held - ordinary).abs() < 0.05, "{ordinary} {held}");
    assert!(learned - ordinary > 0.05, "clipped, but learned: {ordinary} {learned}");
}

#[test]
fn a_malicious_day_is_never_learned_and_a_benign_one_at_once() {
    let world = activities(3, SPIKE + 60, &[SPIKE]);
    let mut never = run(&world, 14, &[(SPIKE + 2, Some(Disposition::Malicious))], &[]);
    assert_eq!(never.standing(), [Standing::Never]);
    assert_eq!(never.dispose(None), [Ok(Standing::Held)], "taken back");
    let few = activities(3, SPIKE + 6, &[SPIKE]);
    for benign in [Disposition::Benign, Disposition::FalsePositive] {
        let mut released = run(&few, 14, &[(SPIKE + 1, Some(benign))], &[]);
        assert_eq!(released.standing(), [Standing::Released]);
        let combined = released.eve().take_combined().unwrap();
        assert_eq!(combined.days(), released.eve().days() + 1.0, "one day more");
    }
    let mut suspicious = run(&few, 14, &[(SPIKE + 1, Some(Disposition::Suspicious))], &[]);
    assert_eq!(suspicious.standing(), [Standing::Held]);
    assert!(suspicious.eve().take_combined().is_none());
}

#[test]
fn what_is_said_of_the_open_day_holds_when_it_closes() {
    let day = |said| {
        let mut service = Service::new(settings(14));
        let world = activities(4, SPIKE + 3, &[SPIKE]);
        let mut is_said = false;
        for activity in &world {
            if activity.event_time >= at(SPIKE).plus(15 * HOUR) && !is_said {
                is_said = true;
                service.dispose(said);
            }
            service.observe(activity);
        }
        service.standing()
    };
    assert_eq!(day(None), [Standing::Held]);
    assert_eq!(day(Some(Disposition::Malicious)), [Standing::Never]);
    assert_eq!(day(Some(Disposition::Benign)), []);
}

#[test]
fn with_zero_days_nothing_is_held() {
    let mut service = run(&activities(1, SPIKE + 5, &[SPIKE]), 0, &[], &[]);
    assert_eq!(service.org.held(&UserId::new(EVE)), []);
    assert!(service.eve().reserve.is_none());
}

#[test]
fn populations_are_as_their_members_when_released_days_are_learned() {
    let service = run(&activities(5, SPIKE + 50, &[SPIKE]), 14, &[], &[]);
    assert_eq!(service.standing(), [], "learned for good");
    let pooled = service.org.shared.populations.clone();
    let mut again = crate::org::Populations::default();
    for member in &service.org.users {
        let Member::InMemory(user) = member else { panic!("all in memory") };
        again.join(user.profile.class);
        let day = user.profile.rows_of(model::Surface::Report).unwrap().day;
        let (class, quantity) = (user.profile.class, crate::org::population::RowQuantity::Day);
        again.learn_rows(class, model::Surface::Report, quantity, &Default::default(), &day);
    }
    let of = |populations: &crate::org::Populations| {
        let quantity = crate::org::population::RowQuantity::Day;
        populations.row_prior(model::UserClass::Normal, model::Surface::Report, quantity).unwrap()
    };
    let (kept, again) = (of(&pooled), of(&again));
    assert!((kept.mean - again.mean).abs() < 1e-6 && (kept.within - again.within).abs() < 1e-6, "{kept:?} {again:?}");
    assert_eq!(kept.members, again.members);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// By a person or by time, and taken back within 30 days: the whole org is as if that had never been, whatever happens to
    /// another day.
    #[test]
    fn a_release_that_is_taken_back_leaves_no_trace(
        seed in 0u64..1_000,
        released in prop::option::of(1i64..12),
        decided in 1i64..14,
        back in 1i64..29,
        more in 2i64..20,
        other in prop::option::of(2i64..12),
        stops in prop::collection::vec(0usize..2_600, 0..6),
    ) {
        let malicious = Some(Disposition::Malicious);
        let back = SPIKE + released.unwrap_or(15) + back;
        let spikes: Vec<i64> = [SPIKE].into_iter().chain(other.map(|day| SPIKE + day)).collect();
        let world = activities(seed, back + more, &spikes);
        let mut said = vec![(back, malicious)];
        if let Some(day) = released {
            said.insert(0, (SPIKE + day, Some(Disposition::Benign)));
        }
        let taken_back = run(&world, 14, &said, &stops);
        let never = run(&world, 14, &[((SPIKE + decided).min(back), malicious)], &[]);
        prop_assert_eq!(taken_back.standing(), [Standing::Never]);
        let differ = differences(&taken_back.state(), &never.state());
        prop_assert!(differ.is_empty(), "{differ:?}");
    }

    /// Checkpoints, restarts and evictions change neither what is observed nor what is stored.
    #[test]
    fn restarts_leave_no_trace(
        seed in 0u64..1_000,
        released in prop::option::of(1i64..12),
        days in 10i64..50,
        stops in prop::collection::vec(700usize..2_600, 1..12),
    ) {
        let world = activities(seed, SPIKE + days, &[SPIKE]);
        let said: Vec<Said> = released.map(|day| (SPIKE + day.min(days - 2), Some(Disposition::Benign))).into_iter().collect();
        let mut stopped = run(&world, 14, &said, &stops);
        let mut through = run(&world, 14, &said, &[]);
        stopped.finish();
        through.finish();
        prop_assert!(stopped.observed == through.observed);
        let differ = differences(&stopped.state(), &through.state());
        prop_assert!(differ.iter().all(|key| key.starts_with("seen/") || key == "head"), "{differ:?}");
    }
}
