use crate::{Org, Settings, tail};
use model::time::{DAY, HOUR, SECOND};
use model::{Activity, Channel, Feature, First, Kind, OrgId, Timestamp, UserId, Uuid};

/// A young org of 120 accounts: each works with three objects of its own by looking at some rows of them, and with 33 rows
/// at something new on about every seventh day.
struct Young {
    org: Org,
    count: u128,
}

impl Young {
    const USERS: usize = 120;

    /// Returns the org after so many days of ordinary work.
    fn new(days: i64) -> Self {
        let mut young =
            Self { org: Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap(), count: 0 };
        (0..days).for_each(|day| drop(young.day(day)));
        young
    }

    /// Works for a day. Returns what was observed of new objects.
    fn day(&mut self, day: i64) -> Vec<First> {
        let mut firsts = Vec::new();
        for user in 0..Self::USERS {
            let at = day * DAY + 9 * HOUR + user as i64 * SECOND;
            for own in 0..3 {
                let rows = 4 + (user as u64 * 7 + day as u64 * 3 + own) % 4;
                firsts.extend(self.look(at, user, &format!("Own{}", (user as u64 + own) % 20), rows));
            }
            if (user as i64 + day) % 7 == 0 && day > 0 {
                let rows = [33, 20, 50, 12, 80][(user + day as usize) % 5];
                firsts.extend(self.look(at + HOUR, user, &format!("New{}", day % 30), rows));
            }
        }
        firsts
    }

    /// Opens a list view of an object.
    fn look(&mut self, at: i64, user: usize, object: &str, rows: u64) -> Option<First> {
        self.count += 1;
        let (id, org, user) = (Uuid::from_u128(self.count), self.org.id().clone(), UserId::new(&format!("user{user}")));
        let at = Timestamp::parse("2026-01-05").unwrap().plus(at);
        let mut activity = Activity::new(id, org, user, at, Channel::LogFile, Kind::ListView);
        (activity.rows, activity.resource_id) = (Some(rows), Some("00Bhn0000000001".into()));
        activity.objects.push(object.into());
        let mut out = Vec::new();
        self.org.observe(&activity, &mut out);
        let of_activity = out.into_iter().filter(|observation| observation.activity.is_some());
        of_activity.flat_map(|observation| observation.features).find_map(|feature| match feature {
            Feature::Object(first) => Some(first),
            _ => None,
        })
    }

    /// Looks at twelve new objects with so many rows each. Returns what was observed last.
    fn steal(&mut self, day: i64, user: usize, rows: u64) -> First {
        let looks = (0..12).map(|n| self.look(day * DAY + 14 * HOUR + n, user, &format!("Stolen{day}{n}"), rows));
        looks.last().unwrap().unwrap()
    }
}

/// Returns the surprise of the rows alone, and with that of the number.
fn surprises(first: &First) -> (f64, f64) {
    let rows = first.rows.map_or(1.0, |rows| tail::at_least(&first.request, rows as f64));
    let count = 0.9 * tail::count_at_least(&first.usual, f64::from(first.today)) + 0.1 * first.peer_tail;
    (tail::surprise(rows), tail::surprise(tail::both(count, rows)))
}

#[test]
fn in_a_young_org_ordinary_work_is_no_surprise_and_theft_is() {
    let mut young = Young::new(10);
    for day in 10..40 {
        let firsts = young.day(day);
        let judged: Vec<_> = firsts.iter().filter(|first| first.usual.evidence > 0.0).collect();
        assert!(judged.len() > 5, "day {day}");
        for first in judged {
            let (rows, both) = surprises(first);
            assert!(rows < 2.5 && both < 4.0, "day {day}: {rows} {both} {first:?}");
        }
    }
    let (rows, both) = surprises(&Young::new(11).steal(11, 5, 4_000));
    assert!(rows > 2.0 && both > 5.0, "{rows} {both}");
}

#[test]
fn before_the_org_knows_any_all_requests_are_a_wide_measure() {
    let mut young = Young::new(6);
    let first = young.look(6 * DAY + 9 * HOUR, 1, "New", 33).unwrap();
    assert!(surprises(&first).0 < 1.5, "{first:?}");
}

#[test]
fn what_stands_out_is_not_learned_and_a_project_is() {
    let (mut stolen, mut project) = (Young::new(20), Young::new(20));
    for user in [5, 6] {
        stolen.steal(19, user, 4_000);
        project.steal(19, user, 30);
    }
    for day in 20..26 {
        stolen.day(day);
        project.day(day);
    }
    let (again, next) = (stolen.steal(25, 5, 4_000), stolen.steal(25, 7, 4_000));
    let (known, of_project) = (project.steal(25, 5, 30), project.steal(25, 7, 30));
    assert!((again.peer_tail / next.peer_tail - 1.0).abs() < 0.1, "neither has learned from the thefts: {again:?}");
    assert!(of_project.peer_tail > 4.0 * next.peer_tail, "{of_project:?}");
    assert!(of_project.peer_tail > 1.5 * known.peer_tail, "the days of user 5 are left out: {known:?}");
    assert!((again.request.location - known.request.location).abs() < 0.5, "{again:?}");
}

#[test]
fn requests_for_no_rows_say_nothing_of_others() {
    let mut young = Young::new(20);
    let first = young.steal(20, 5, 1);
    assert_eq!((first.rows, first.today), (None, 12));
}
