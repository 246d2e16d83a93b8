//! The coming week of a measure that is counted by day.

use crate::quantile::student;

/// A day of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// Days since 1970-01-01 in local time.
    pub date: i64,
    /// Rows, or whatever is counted; 0 on a day without activity. What is not finite or below 0 is left out.
    pub rows: f64,
    /// Whether the day is held, and thus left out.
    pub is_held: bool,
}

/// What is expected of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Days since 1970-01-01 in local time.
    pub date: i64,
    /// Lower end of the band in which 95 of 100 days lie.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// Upper end of the band.
    pub high: f64,
}

/// Days of the past that count: a choice, as many as pages show.
const COUNTED: i64 = 90;
/// Days after which a day counts half: a choice, four days of each weekday.
const HALF_LIFE: f64 = 28.0;
/// Days of a weekday, from which on only its own count, and days without which nothing is expected. A choice.
const ENOUGH: usize = 4;
/// Probability outside the band at each end.
const OUTSIDE: f64 = 0.025;
/// Days that the prior of the spread counts, and its standard deviation of ln(1 + rows): a factor of 1.65 on a usual day. Both
/// are choices, so that two or three days alone make no narrow band.
const PRIOR: (f64, f64) = (2.0, 0.5);

/// A value with its weight.
type Weighted = (f64, f64);

/// Returns what is expected of the seven days after `last`, in their order; days of which nothing can be said are left out.
///
/// A day takes the past days of its weekday, each with the weight 2^(−age / 28 days). Of a weekday with n < 4 days all working
/// days, or Saturdays and Sundays, count together as 4 − n days do.
/// The share p of days without any rows and the rows of the others make a hurdle model (Mullahy, *Journal of Econometrics* 33,
/// 1986): the quantile at q is 0 for q ≤ p, and else that of the rows at (q − p) / (1 − p).
/// Of y = ln(1 + rows) with weights w, Kish's effective number of days is n = (Σw)² / Σw² (*Survey Sampling*, 1965), and the
/// predictive distribution Student's t with ν₀ + n − 1 degrees of freedom around the weighted mean (Gelman et al., *Bayesian Data
/// Analysis*, 3.3), with the scale s · √(1 + 1 / n), s² = (ν₀ s₀² + n Σw(y − mean)² / Σw) / (ν₀ + n − 1), ν₀ = 2, s₀ = 0.5.
///
/// The order of `past` does not matter, and days after `last` or 90 days before it do not count. Two days of one date both count.
pub fn coming_week(past: &[Past], last: i64) -> Vec<Expected> {
    let counts = |day: &&Past| {
        !day.is_held && day.rows.is_finite() && day.rows >= 0.0 && (0..COUNTED).contains(&last.saturating_sub(day.date))
    };
    let mut past: Vec<Past> = past.iter().filter(counts).copied().collect();
    past.sort_by(|a, b| a.date.cmp(&b.date).then(a.rows.total_cmp(&b.rows)));
    (1..=7).filter_map(|after| expected(&past, last.saturating_add(after))).collect()
}

fn expected(past: &[Past], date: i64) -> Option<Expected> {
    let alike: Vec<&Past> = past.iter().filter(|day| is_weekend(day.date) == is_weekend(date)).collect();
    if alike.len() < ENOUGH {
        return None;
    }
    let weighted = |day: &Past, value: f64| (value, (-((date - day.date) as f64) / HALF_LIFE).exp2());
    let sample = |value: &dyn Fn(&Past) -> Option<f64>| {
        let of = |day: &&Past| value(day).map(|value| weighted(day, value));
        let own = alike.iter().copied().filter(|day| weekday(day.date) == weekday(date));
        shrunk(own.filter_map(|day| of(&day)).collect(), alike.iter().filter_map(of).collect())
    };
    let idle = mean(&sample(&|day| Some(if day.rows > 0.0 { 0.0 } else { 1.0 })));
    let rows = Rows::of(&sample(&|day| (day.rows > 0.0).then(|| day.rows.ln_1p())));
    let at = |probability: f64| match &rows {
        Some(rows) if probability > idle => rows.quantile((probability - idle) / (1.0 - idle)),
        _ => 0.0,
    };
    Some(Expected { date, low: at(OUTSIDE), median: at(0.5), high: at(1.0 - OUTSIDE) })
}

/// Adds to the values of a weekday those of all days like it, as if there were [`ENOUGH`].
fn shrunk(own: Vec<Weighted>, all: Vec<Weighted>) -> Vec<Weighted> {
    if own.len() >= ENOUGH {
        return own;
    }
    let share = own.len() as f64 / ENOUGH as f64;
    let scaled = |values: Vec<Weighted>, to: f64| {
        let sum: f64 = values.iter().map(|(_, weight)| weight).sum();
        values.into_iter().map(move |(value, weight)| (value, weight / sum * to))
    };
    scaled(own, share).chain(scaled(all, 1.0 - share)).collect()
}

/// The predictive distribution of the rows of days with any.
struct Rows {
    mean: f64,
    scale: f64,
    degrees: f64,
}

impl Rows {
    fn of(logs: &[Weighted]) -> Option<Self> {
        let sum: f64 = logs.iter().map(|(_, weight)| weight).sum();
        let squares: f64 = logs.iter().map(|(_, weight)| weight * weight).sum();
        if logs.is_empty() {
            return None;
        }
        let (days, mean) = (sum * sum / squares, mean(logs));
        let variance = logs.iter().map(|(y, weight)| weight * (y - mean).powi(2)).sum::<f64>() / sum;
        let (of_prior, deviation) = PRIOR;
        let degrees = of_prior + days - 1.0;
        let variance = (of_prior * deviation * deviation + days * variance) / degrees;
        Some(Self { mean, scale: (variance * (1.0 + 1.0 / days)).sqrt(), degrees })
    }

    fn quantile(&self, probability: f64) -> f64 {
        (self.mean + self.scale * student(probability, self.degrees)).exp_m1().max(0.0)
    }
}

fn mean(values: &[Weighted]) -> f64 {
    let sum: f64 = values.iter().map(|(_, weight)| weight).sum();
    values.iter().map(|(value, weight)| value * weight).sum::<f64>() / sum
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(date: i64) -> i64 {
    date.saturating_add(3).rem_euclid(7)
}

fn is_weekend(date: i64) -> bool {
    weekday(date) >= 5
}

#[cfg(test)]
mod tests;
