//! Cells and flags of the heat map.

use super::{Flag, HeatMap, HeatRow, Norm};
use std::collections::BTreeMap;

/// 2026-01-01, a Thursday.
const START: i64 = 20_454;

fn row(label: &str, counts: &[(i64, u32)]) -> HeatRow {
    let counts = counts.iter().map(|(n, count)| (START + n, *count)).collect();
    HeatRow { label: label.into(), counts, ..HeatRow::default() }
}

fn map(rows: &[HeatRow], days: i64) -> HeatMap {
    HeatMap::of("First-time object access", "objects", (START, START + days - 1), rows)
}

fn flags(map: &HeatMap) -> Vec<(&str, &str, u32)> {
    map.flags.iter().map(|Flag { label, date, count, .. }| (&**label, &**date, *count)).collect()
}

/// Checks the flags of one account, with one first time of another at the start and of others on the day before last.
fn check(why: &str, counts: &[(i64, u32)], expect: &[(&str, &str, u32)]) {
    let mut rows = vec![row("a", counts), row("other", &[(0, 1)])];
    rows.extend(["b", "c", "d"].map(|label| row(label, &[(58, 1)])));
    assert_eq!(flags(&map(&rows, 60)), expect, "{why}");
}

#[test]
fn a_leaver_is_flagged() {
    check("a leaver", &[(3, 2), (50, 14)], &[("a", "2026-02-20", 14)]);
}

#[test]
fn ordinary_counts_are_not_flagged() {
    check("few", &[(50, 4)], &[]);
    check("everything is new in the first two weeks", &[(13, 14)], &[]);
    check("a weekly habit", &[(36, 4), (43, 4), (50, 12)], &[]);
    check("a monthly habit", &[(10, 6), (38, 14)], &[]);
    check("largest counts do not overflow", &[(40, u32::MAX), (50, u32::MAX)], &[("a", "2026-02-10", u32::MAX)]);
}

#[test]
fn a_day_with_high_counts_of_all_is_not_flagged() {
    let mut rows = vec![row("early", &[(0, 1)])];
    rows.extend((0..9).map(|n| row(&format!("u{n}"), &[(40, 6)])));
    assert_eq!(flags(&map(&rows, 60)), []);
}

#[test]
fn what_others_did_counts_where_the_rows_are_few() {
    let rows = [row("a", &[(40, 6)])];
    let norm = |begin, mean| Norm { begin: START + begin, means: BTreeMap::from([(START + 40, mean)]) };
    let flags = |norm: &Norm| HeatMap::against(norm, "", "", (START, START + 59), &rows).flags.len();
    assert_eq!([flags(&norm(0, 1.9)), flags(&norm(0, 2.0)), flags(&norm(27, 1.9))], [1, 0, 0]);
}

#[test]
fn days_before_the_first_column_count_for_the_flags() {
    let rows = [row("a", &[(0, 1), (35, 5), (50, 14)]), row("b", &[(1, 1)]), row("c", &[(1, 1)]), row("d", &[(1, 1)])];
    let map = HeatMap::of("", "", (START + 45, START + 59), &rows);
    assert_eq!((flags(&map), map.rows.len()), (vec![], 1));
}

#[test]
fn the_fullest_rows_are_kept_and_flagged_rows_always() {
    let mut rows: Vec<HeatRow> = (0..100).map(|n| row(&format!("u{n:03}"), &[(0, 50 + n)])).collect();
    rows.push(row("leaver", &[(50, 12)]));
    let map = map(&rows, 60);
    assert_eq!((map.rows.len(), map.left_out), (40, 61));
    assert_eq!(map.rows.first().map(|row| (&*row.label, row.total)), Some(("u099", 149)));
    assert_eq!(map.rows.last().map(|row| (&*row.label, row.total)), Some(("leaver", 12)));
    assert_eq!(flags(&map), [("leaver", "2026-02-20", 12)]);
}

#[test]
fn only_the_last_days_of_a_long_period_are_shown() {
    let map = map(&[row("long ago", &[(0, 9)]), row("edge", &[(38, 1)]), row("last", &[(99, 1)])], 100);
    assert_eq!(map.days.len(), 62);
    assert_eq!(map.rows.iter().map(|row| &*row.label).collect::<Vec<_>>(), ["edge", "last"]);
}

#[test]
fn an_empty_map_says_so() {
    let map = map(&[row("a", &[(0, 0)])], 10).to_string();
    assert!(map.contains("None in this period.") && !map.contains("<table"));
}

#[test]
fn a_map_has_text_with_its_colors_and_links_to_accounts_and_days() {
    let linked = HeatRow {
        href: Some("/accounts/00D/005".into()),
        cell_href: Some("/accounts/00D/005?day=".into()),
        ..row("emma <emma@acme.example>", &[(20, 2), (24, 14)])
    };
    let others = (0..4).map(|n| row(&format!("u{n}"), &[(n, 1), (22, 3)]));
    let rows: Vec<HeatRow> = std::iter::once(linked).chain(others).collect();
    insta::assert_snapshot!(HeatMap::of("First-time object access", "objects", (START + 19, START + 25), &rows));
}
