//! What the coming week says, and how often it is right.

use super::*;
use proptest::prelude::*;

/// A Sunday.
const LAST: i64 = 20_513;

fn past(rows: impl Fn(i64) -> f64) -> Vec<Past> {
    (LAST - 89..=LAST).map(|date| Past { date, rows: rows(date), is_held: false }).collect()
}

/// Uniform numbers between 0 and 1: SplitMix64.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + 1e-17
    }

    fn normal(&mut self) -> f64 {
        crate::quantile::normal(self.uniform())
    }
}

#[test]
fn each_weekday_is_expected_as_it_was() {
    let rows = |date| [100.0, 200.0, 300.0, 400.0, 500.0, 0.0, 0.0][weekday(date) as usize];
    let week = coming_week(&past(rows), LAST);
    assert_eq!(week.iter().map(|day| day.date).collect::<Vec<_>>(), (LAST + 1..=LAST + 7).collect::<Vec<_>>());
    for (day, expect) in week.iter().zip([100.0, 200.0, 300.0, 400.0, 500.0]) {
        assert!((day.median / expect - 1.0).abs() < 1e-6 && day.low < expect && expect < day.high, "{day:?}");
        assert!(day.high < 3.0 * expect, "{day:?}");
    }
    for day in &week[5..] {
        assert_eq!((day.low, day.median, day.high), (0.0, 0.0, 0.0));
    }
}

#[test]
fn recent_days_weigh_more() {
    let week = coming_week(&past(|date| if date > LAST - 28 { 1_000.0 } else { 100.0 }), LAST);
    assert!(week[0].median > 300.0 && week[0].high > 1_000.0, "{:?}", week[0]);
}

#[test]
fn an_idle_day_now_and_then_leaves_the_median_and_opens_the_band() {
    let week = coming_week(&past(|date| if date == LAST - 6 { 0.0 } else { 800.0 }), LAST);
    assert_eq!((week[0].low, week[1].low > 100.0), (0.0, true), "{week:?}");
    assert!(week[0].median > 700.0, "{week:?}");
}

#[test]
fn held_days_and_days_far_away_do_not_count() {
    let mut days = past(|_| 100.0);
    let expect = coming_week(&days, LAST);
    days.push(Past { date: LAST - 3, rows: 1e9, is_held: true });
    days.push(Past { date: LAST - 90, rows: 1e9, is_held: false });
    days.push(Past { date: LAST + 1, rows: 1e9, is_held: false });
    days.push(Past { date: LAST - 3, rows: f64::NAN, is_held: false });
    assert_eq!(coming_week(&days, LAST), expect);
}

#[test]
fn nothing_is_expected_after_too_few_days() {
    assert_eq!(coming_week(&[], LAST), []);
    let days = past(|_| 100.0);
    assert_eq!(coming_week(&days[85..], LAST), [], "three working days, Saturday and Sunday");
    let working_days: Vec<i64> = coming_week(&days[84..], LAST).iter().map(|day| weekday(day.date)).collect();
    assert_eq!(working_days, [0, 1, 2, 3, 4], "four working days stand for the fifth, too");
}

#[test]
fn a_weekday_with_few_days_leans_on_the_others() {
    // Two weeks: Mondays have 10 rows, other working days 1,000.
    let days = past(|date| if weekday(date) == 0 { 10.0 } else { 1_000.0 });
    let week = coming_week(&days[76..], LAST);
    let longer = coming_week(&days, LAST);
    assert!((20.0..500.0).contains(&week[0].median), "{:?}", week[0]);
    assert!((longer[0].median - 10.0).abs() < 0.01, "{:?}", longer[0]);
}

/// Simulates accounts with a season of the week, a spread, and idle days, and returns the share of the coming days within the
/// band, and above it.
fn coverage(seed: u64, history: usize, deviation: f64, idle: f64) -> (f64, f64) {
    let (mut within, mut above, mut all) = (0.0, 0.0, 0.0);
    let mut noise = Noise(seed);
    for _ in 0..400 {
        let usual = 3.0 + 5.0 * noise.uniform();
        let season: Vec<f64> = (0..7).map(|day| if day < 5 { 0.5 * noise.normal() } else { -1.5 }).collect();
        let mut day = |date: i64| {
            let rows = (usual + season[weekday(date) as usize] + deviation * noise.normal()).exp_m1().round().max(0.0);
            let rows = if noise.uniform() < idle { 0.0 } else { rows };
            Past { date, rows, is_held: false }
        };
        let days: Vec<Past> = (LAST - 89..=LAST + 7).map(&mut day).collect();
        let week = coming_week(&days[90 - history..90], LAST);
        for (expected, found) in week.iter().zip(&days[90..]) {
            assert_eq!(expected.date, found.date);
            within += f64::from(u8::from(found.rows >= expected.low.floor() && found.rows <= expected.high.ceil()));
            above += f64::from(u8::from(found.rows > expected.high.ceil()));
            all += 1.0;
        }
    }
    (within / all, above / all)
}

#[test]
fn the_band_has_about_as_many_days_as_it_says() {
    for (history, deviation, idle) in
        [(90, 0.3, 0.0), (90, 0.6, 0.0), (90, 1.0, 0.0), (90, 0.6, 0.1), (90, 0.6, 0.4), (28, 0.6, 0.0), (14, 0.6, 0.0)]
    {
        let (within, above) = coverage(7, history, deviation, idle);
        eprintln!("{history} days, deviation {deviation}, idle {idle}: {within:.3} within, {above:.3} above");
        assert!((0.93..=0.99).contains(&within), "{history} {deviation} {idle}: {within:.3}");
        assert!(above < 0.045, "{history} {deviation} {idle}: {above:.3}");
    }
}

proptest! {
    #[test]
    fn the_band_holds_the_median_and_is_finite(
        rows in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e12], 0..120),
        last in -100_000i64..100_000,
    ) {
        let days: Vec<Past> = (last - 100..).zip(&rows).map(|(date, rows)| Past { date, rows: *rows, is_held: false }).collect();
        for day in coming_week(&days, last) {
            prop_assert!(0.0 <= day.low && day.low <= day.median && day.median <= day.high && day.high.is_finite(), "{:?}", day);
        }
    }

    #[test]
    fn the_order_of_days_does_not_matter(
        rows in prop::collection::vec(0u32..2_000, 90),
        seed in any::<u64>(),
    ) {
        let days = past(|date| f64::from(rows[(date + 89 - LAST) as usize]));
        let mut mixed = days.clone();
        let mut noise = Noise(seed);
        mixed.sort_by_cached_key(|_| (noise.uniform() * 1e9) as u64);
        prop_assert_eq!(coming_week(&mixed, LAST), coming_week(&days, LAST));
    }

    #[test]
    fn so_many_times_the_rows_are_so_many_times_expected(
        rows in prop::collection::vec(1_000.0..100_000.0f64, 90),
        factor in 1.0..1_000.0f64,
    ) {
        let by = |factor: f64| coming_week(&past(|date| factor * rows[(date + 89 - LAST) as usize]), LAST);
        for (one, many) in by(1.0).iter().zip(by(factor)) {
            for (one, many) in [(one.low, many.low), (one.median, many.median), (one.high, many.high)] {
                // ln(1 + rows) differs from ln(rows) by up to 0.001, which the ends of a band multiply.
                prop_assert!((many / (factor * one) - 1.0).abs() < 0.01, "{} {}", one, many);
            }
        }
    }
}
