//! Cells and flags of the heat maps.

use super::super::heat_map::{Flag, HeatMap};
use super::example::{Example, day};
use super::{page, part};
use engine::FirstTimes;
use model::time::DAY;
use model::{Timestamp, UserId};

/// Day `n` of the period.
fn nth(n: i64) -> Timestamp {
    day("2026-01-01").plus(n * DAY)
}

fn map(times: &FirstTimes, days: i64) -> HeatMap {
    HeatMap::of(times, nth(0), nth(days), "First-time object access", "objects")
}

/// The counts of one user, and one first time of another at the start and on the day before last.
fn flags(days: i64, counts: &[(i64, u32)]) -> Vec<(String, u32)> {
    let mut times = FirstTimes::default();
    times.note(&UserId::new("other"), None, nth(0), 1);
    for user in ["b", "c", "d"] {
        times.note(&UserId::new(user), None, nth(days - 2), 1);
    }
    for (n, count) in counts {
        times.note(&UserId::new("a"), None, nth(*n), *count);
    }
    map(&times, days).flags.into_iter().map(|Flag { date, count, .. }| (date, count)).collect()
}

#[test]
fn a_leaver_is_flagged() {
    assert_eq!(flags(60, &[(3, 2), (50, 14)]), [("2026-02-20".to_owned(), 14)]);
}

#[test]
fn ordinary_counts_are_not_flagged() {
    let check = |why: &str, counts: &[(i64, u32)]| assert_eq!(flags(60, counts), [], "{why}");
    check("few", &[(50, 4)]);
    check("everything is new in the first two weeks", &[(13, 14)]);
    check("a weekly habit", &[(36, 4), (43, 4), (50, 12)]);
    check("a monthly habit", &[(10, 6), (38, 14)]);
}

#[test]
fn a_day_with_high_counts_of_all_is_not_flagged() {
    let mut times = FirstTimes::default();
    times.note(&UserId::new("early"), None, nth(0), 1);
    for user in 0..9 {
        times.note(&UserId::new(&format!("u{user}")), None, nth(40), 6);
    }
    assert_eq!(map(&times, 60).flags, []);
}

#[test]
fn the_fullest_rows_are_kept_and_flagged_rows_always() {
    let mut times = FirstTimes::default();
    for user in 0..100u32 {
        times.note(&UserId::new(&format!("u{user:03}")), None, nth(0), 50 + user);
    }
    times.note(&UserId::new("leaver"), Some("leaver@acme.example"), nth(50), 12);
    let map = map(&times, 60);
    assert_eq!((map.rows.len(), map.left_out), (40, 61));
    assert_eq!(map.rows.first().map(|row| (row.user.as_str(), row.total)), Some(("u099", 149)));
    assert_eq!(map.rows.last().map(|row| (row.user.as_str(), row.total)), Some(("leaver@acme.example", 12)));
    assert_eq!(map.flags, [Flag { user: "leaver@acme.example".into(), date: "2026-02-20".into(), count: 12 }]);
}

#[test]
fn only_the_last_days_of_a_long_period_are_shown() {
    let mut times = FirstTimes::default();
    times.note(&UserId::new("long ago"), None, nth(0), 9);
    times.note(&UserId::new("edge"), None, nth(38), 1);
    times.note(&UserId::new("last"), None, nth(99), 1);
    let users: Vec<String> = map(&times, 100).rows.into_iter().map(|row| row.user).collect();
    assert_eq!(users, ["edge", "last"]);
}

#[test]
fn a_day_ahead_of_utc_is_shown() {
    let mut times = FirstTimes::default();
    times.note(&UserId::new("tokyo"), None, nth(10).plus(-9 * 3_600_000), 1);
    assert_eq!(map(&times, 10).rows.len(), 1);
}

#[test]
fn a_row_has_text_beside_its_colors() {
    let page = page(&Example::new().report());
    let objects = &page[page.find("First-time object access").expect("the second map")..];
    insta::assert_snapshot!(part(objects, "<tr><th scope=\"row\" title=\"emma.martin@acme.example\"", "</tr>"));
}
