use super::*;
use model::Band;
use profile::{Belief, KnownOfKind, WorkedHours};

fn rows(surface: Surface, expected: u64, low: u64, high: u64) -> UsualRows {
    UsualRows { surface, days: 20.0, band: Band { expected, low, high } }
}

fn known(kind: KnownKind, count: usize) -> KnownOfKind {
    KnownOfKind { kind, values: Vec::new(), count, dropped: 0 }
}

/// The shares of days that are worked in these hours.
fn worked(hours: impl IntoIterator<Item = usize>, share: f64) -> WorkedHours {
    let mut worked = WorkedHours { days: 50.0, ..WorkedHours::default() };
    hours.into_iter().for_each(|hour| worked.shares[hour % 24] = share);
    worked
}

fn learned(change: impl FnOnce(&mut Learned)) -> Learned {
    let mut learned = Learned {
        class: UserClass::Normal,
        belief: Belief { probability: 0.923, basis: Basis::Consumption },
        days: 84.2,
        last_day: Some(20_500),
        rhythm: LearnedRhythm { working_days: worked(8..18, 0.8), ..LearnedRhythm::default() },
        rows: vec![rows(Surface::ListView, 243, 61, 952)],
        requests: Some(30.0),
        known: vec![
            known(KnownKind::Object, 14),
            known(KnownKind::ListView, 7),
            known(KnownKind::Network, 3),
            known(KnownKind::Client, 2),
        ],
    };
    change(&mut learned);
    learned
}

fn nothing(learned: &mut Learned) {
    (learned.days, learned.belief) = (0.0, Belief::default());
    learned.rhythm = LearnedRhythm::default();
    learned.rows.clear();
    learned.known.clear();
}

#[test]
fn a_profile_is_a_sentence() {
    let check = |change: fn(&mut Learned), held: usize, expect: &str| {
        assert_eq!(summary(Some(&learned(change)), held), expect);
    };
    check(
        |_| {},
        0,
        "A normal account (92 % sure, by consumption) with 84 active days behind it; it works on weekdays from 8 to 18 h, \
         reads about 240 rows a day over list views (61 to 950), and uses 14 objects, 3 networks and 2 clients.",
    );
    check(
        |learned| {
            (learned.class, learned.belief.basis) = (UserClass::Admin, Basis::Rights);
            learned.belief.probability = 0.9999;
            learned.rows.push(rows(Surface::Api, 1_234_567, 99_500, 15_000_000));
            learned.rows.push(rows(Surface::Report, 3, 0, 12));
            learned.known.truncate(1);
            learned.known[0].count = 1;
        },
        1,
        "The account of an administrator (99 % sure, by a right to administer) with 84 active days behind it; it works on \
         weekdays from 8 to 18 h, reads about 1,200,000 rows a day over the API (100,000 to 15,000,000) and about 240 over \
         list views (61 to 950), and uses 1 object. 1 of its days is held back.",
    );
    check(
        nothing,
        2,
        "A normal account (not classified yet) with no active day behind it yet. 2 of its days are held back.",
    );
    check(
        |learned| {
            nothing(learned);
            (learned.days, learned.class) = (1.0, UserClass::Power);
            learned.belief = Belief { probability: 1.0, basis: Basis::Decided };
            learned.known = vec![known(KnownKind::Client, 1)];
        },
        0,
        "The account of a power user (by decision) with 1 active day behind it; it uses 1 client.",
    );
    check(
        |learned| {
            nothing(learned);
            learned.rows = vec![rows(Surface::File, 0, 0, 0)];
            learned.known = vec![known(KnownKind::Object, 2), known(KnownKind::Client, 1)];
            learned.rhythm.weekends = worked(10..12, 0.2);
        },
        0,
        "A normal account (not classified yet) with no active day behind it yet; it works on weekends from 10 to 12 h and \
         uses 2 objects and 1 client.",
    );
    assert_eq!(summary(None, 0), "Nothing is stored of what the account usually does.");
}

#[test]
fn hours_are_the_shortest_span_of_those_that_are_often_worked() {
    let check = |working: WorkedHours, weekends: WorkedHours, expect: &str| {
        let rhythm = LearnedRhythm { working_days: working, weekends, center: None };
        assert_eq!(works(&rhythm).as_deref(), Some(expect));
    };
    let none = WorkedHours::default();
    check(worked([9, 10, 11, 14, 15], 0.9), worked([9], 0.1), "works on weekdays from 9 to 16 h");
    check(worked(22..30, 0.5), none, "works on weekdays from 22 to 6 h");
    check(worked(16..24, 0.5), none, "works on weekdays from 16 to 24 h");
    check(worked(0..4, 0.5), none, "works on weekdays from 0 to 4 h");
    check(worked(0..24, 0.9), worked(0..24, 0.8), "works on all days of the week around the clock");
    check(worked(8..12, 0.6), worked(10..14, 0.4), "works on all days of the week from 8 to 14 h");
    let mut rare = worked(8..17, 0.9);
    rare.shares[3] = 0.2;
    check(rare, none, "works on weekdays from 8 to 17 h");
    assert_eq!(works(&LearnedRhythm::default()), None);
}

#[test]
fn rows_have_two_digits() {
    let texts = [0, 9, 61, 99, 243, 955, 995, 1_937_568, u64::MAX].map(|rows| grouped(about(rows)));
    let expect = ["0", "9", "61", "99", "240", "960", "1,000", "1,900,000", "18,000,000,000,000,000,000"];
    assert_eq!(texts, expect);
}
