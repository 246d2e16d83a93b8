//! Measures how well incidents match labeled attacks.

use model::{Incident, Timestamp, UserClass, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The labeled attacks of a data set. Other fields of the file are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Labels {
    /// The attacks, in any order.
    pub labels: Vec<Label>,
    /// How each account behaves, if the file has it.
    #[serde(default)]
    pub classes: BTreeMap<UserId, UserClass>,
}

/// One attack.
#[derive(Clone, Debug, Deserialize)]
pub struct Label {
    /// The kind of attack.
    pub family: String,
    /// The account that was used.
    pub user_id: UserId,
    /// Time of the attack's first event.
    pub from: Timestamp,
    /// Time of the attack's last event.
    pub to: Timestamp,
}

impl Labels {
    /// Reads a JSON object with `labels`.
    ///
    /// # Errors
    /// If the text is not such an object.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let mut labels: Self = serde_json::from_slice(json)?;
        labels.labels.iter_mut().for_each(|label| label.user_id = UserId::new(label.user_id.as_str()));
        labels.classes = labels.classes.into_iter().map(|(user, class)| (UserId::new(user.as_str()), class)).collect();
        Ok(labels)
    }
}

/// An alert to match with labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The account it is about.
    pub user_id: UserId,
    /// Time of the first event behind it.
    pub first: Timestamp,
    /// Time of the last event behind it.
    pub last: Timestamp,
    /// Risk, 0 to 100.
    pub risk: f64,
    /// Names of the detectors behind it.
    pub detectors: Vec<String>,
}

impl Alert {
    /// Whether it is about an attack: the same account, and times that overlap, with a day for what is judged when the day
    /// closes.
    pub fn meets(&self, label: &Label) -> bool {
        self.user_id == label.user_id && self.first <= label.to.plus(SLACK) && self.last >= label.from
    }
}

impl From<&Incident> for Alert {
    fn from(incident: &Incident) -> Self {
        Self {
            user_id: incident.user_id.clone(),
            first: incident.first_event_at,
            last: incident.last_event_at,
            risk: incident.risk_score.to_f64(),
            detectors: incident.findings.iter().map(|finding| finding.detector.to_string()).collect(),
        }
    }
}

/// Quality at one threshold; the average precision is over all thresholds.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Labeled attacks.
    pub attacks: u64,
    /// Attacks with an alert at or above the threshold.
    pub detected: u64,
    /// Share of attacks with an alert at or above the threshold.
    pub recall: f64,
    /// Alerts at or above the threshold that match no attack.
    pub false_alerts: u64,
    /// False alerts per 1,000 days on which a user was active.
    pub false_per_1000_user_days: f64,
    /// Share of alerts at or above the threshold that match an attack.
    pub precision: f64,
    /// Area under precision over recall, alerts of any risk ranked by it.
    pub average_precision: f64,
    /// Median minutes from an attack's first event to its first alert.
    pub median_minutes_to_detect: Option<f64>,
    /// The same by kind of attack.
    pub families: BTreeMap<String, Family>,
    /// Days on which a user was active, summed over users.
    pub user_days: u64,
    /// Risk from which on an alert counts, 0 to 100.
    pub threshold: f64,
}

/// Detection of one kind of attack.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Family {
    /// Labeled attacks of this kind.
    pub attacks: u64,
    /// Those with an alert at or above the threshold.
    pub detected: u64,
    /// Median minutes from an attack's first event to its first alert.
    pub median_minutes_to_detect: Option<f64>,
}

/// How many accounts of one class were recognized.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassRecall {
    /// Accounts of the class.
    pub accounts: u64,
    /// Those that were recognized.
    pub recognized: u64,
    /// Their share.
    pub recall: f64,
    /// The accounts by the class that they were given.
    pub given: BTreeMap<UserClass, u64>,
}

/// Returns the recall of each labeled class. Accounts that were never active do not count.
pub fn classes(
    given: impl IntoIterator<Item = (UserId, UserClass)>,
    labels: &BTreeMap<UserId, UserClass>,
) -> BTreeMap<UserClass, ClassRecall> {
    let mut classes: BTreeMap<UserClass, ClassRecall> = BTreeMap::new();
    for (user, given) in given {
        let Some(label) = labels.get(&user) else { continue };
        let class = classes.entry(*label).or_default();
        class.accounts += 1;
        class.recognized += u64::from(given == *label);
        *class.given.entry(given).or_default() += 1;
    }
    for class in classes.values_mut() {
        class.recall = share(class.recognized, class.accounts);
    }
    classes
}

/// Risk from which on an incident is of high severity: the default threshold.
pub const HIGH: f64 = 60.0;

/// An alert may come this long after the last event of its attack: daily detectors judge when the day closes.
const SLACK: i64 = model::time::DAY;

/// Matches alerts with labels by user and overlapping times. One attack is detected once; further alerts on it count
/// neither as true nor as false.
pub fn evaluate(alerts: &[Alert], labels: &[Label], user_days: u64, threshold: f64) -> Evaluation {
    let above: Vec<&Alert> = alerts.iter().filter(|alert| alert.risk >= threshold).collect();
    let mut families: BTreeMap<String, (Family, Vec<f64>)> = BTreeMap::new();
    let mut minutes = Vec::new();
    for label in labels {
        let (family, times) = families.entry(label.family.clone()).or_default();
        family.attacks += 1;
        let first = above.iter().filter(|alert| alert.meets(label)).map(|alert| alert.first.max(label.from)).min();
        if let Some(first) = first {
            family.detected += 1;
            let delay = first.since(label.from) as f64 / model::time::MINUTE as f64;
            times.push(delay);
            minutes.push(delay);
        }
    }
    let detected: u64 = families.values().map(|(family, _)| family.detected).sum();
    let is_true = |alert: &Alert| labels.iter().any(|label| alert.meets(label));
    let false_alerts = above.iter().filter(|alert| !is_true(alert)).count() as u64;
    let families = families
        .into_iter()
        .map(|(name, (family, mut times))| (name, Family { median_minutes_to_detect: median(&mut times), ..family }));
    Evaluation {
        attacks: labels.len() as u64,
        detected,
        recall: share(detected, labels.len() as u64),
        false_alerts,
        false_per_1000_user_days: 1_000.0 * share(false_alerts, user_days),
        precision: share(above.len() as u64 - false_alerts, above.len() as u64),
        average_precision: average_precision(alerts, labels),
        median_minutes_to_detect: median(&mut minutes),
        families: families.collect(),
        user_days,
        threshold,
    }
}

/// What alerts of one week found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Week {
    /// The week's start.
    pub from: Timestamp,
    /// Attacks that began in the week.
    pub attacks: u64,
    /// Those with an alert at or above the threshold.
    pub detected: u64,
    /// Alerts at or above the threshold that match no attack and began in the week.
    pub false_alerts: u64,
}

/// Evaluates each week that begins at `from` or a whole number of weeks later, up to `to`.
pub fn by_week(alerts: &[Alert], labels: &[Label], (from, to): (Timestamp, Timestamp), threshold: f64) -> Vec<Week> {
    const WEEK: i64 = 7 * model::time::DAY;
    let weeks = (to.since(from).max(0) / WEEK + 1).unsigned_abs() as usize;
    let mut rows: Vec<Week> =
        (0..weeks).map(|week| Week { from: from.plus(week as i64 * WEEK), ..Week::default() }).collect();
    let week_of = |at: Timestamp| usize::try_from(at.since(from).div_euclid(WEEK)).unwrap_or(usize::MAX);
    let above: Vec<&Alert> = alerts.iter().filter(|alert| alert.risk >= threshold).collect();
    for label in labels {
        let Some(row) = rows.get_mut(week_of(label.from)) else { continue };
        row.attacks += 1;
        row.detected += u64::from(above.iter().any(|alert| alert.meets(label)));
    }
    for alert in above.iter().filter(|alert| !labels.iter().any(|label| alert.meets(label))) {
        if let Some(row) = rows.get_mut(week_of(alert.first)) {
            row.false_alerts += 1;
        }
    }
    rows
}

/// Evaluates thresholds from 99 down to 4, and returns a row for each that detects more or raises more false alerts than
/// the row before.
pub fn sweep(alerts: &[Alert], labels: &[Label], user_days: u64) -> Vec<Evaluation> {
    let mut thresholds: Vec<f64> = (4..=99).rev().map(f64::from).collect();
    thresholds.dedup();
    let mut rows: Vec<Evaluation> = Vec::new();
    for threshold in thresholds {
        let row = evaluate(alerts, labels, user_days, threshold);
        let differs =
            rows.last().is_none_or(|last| last.detected != row.detected || last.false_alerts != row.false_alerts);
        if differs {
            rows.push(row);
        }
    }
    rows
}

/// Average precision, Σ (recall_n − recall_{n−1})·precision_n, over alerts ranked by risk, with equal risks taken
/// together. Recall counts attacks, precision counts alerts.
fn average_precision(alerts: &[Alert], labels: &[Label]) -> f64 {
    let mut ranked: Vec<&Alert> = alerts.iter().collect();
    ranked.sort_by(|a, b| b.risk.total_cmp(&a.risk));
    let mut found = vec![false; labels.len()];
    let (mut right, mut wrong, mut area, mut recall) = (0.0, 0.0, 0.0, 0.0);
    for group in ranked.chunk_by(|a, b| a.risk == b.risk) {
        for alert in group {
            let matched: Vec<usize> =
                labels.iter().enumerate().filter(|(_, label)| alert.meets(label)).map(|(index, _)| index).collect();
            if matched.is_empty() {
                wrong += 1.0;
            } else if matched.iter().any(|index| found.get(*index) == Some(&false)) {
                right += 1.0;
            }
            matched.into_iter().filter_map(|index| found.get_mut(index).map(|f| *f = true)).for_each(drop);
        }
        let now = found.iter().filter(|f| **f).count() as f64 / labels.len().max(1) as f64;
        let precision: f64 = if right + wrong > 0.0 { right / (right + wrong) } else { 0.0 };
        area += (now - recall) * precision;
        recall = now;
    }
    area
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(user: &str, day: i64, risk: f64) -> Alert {
        let at = Timestamp(day * model::time::DAY);
        Alert { user_id: UserId::new(user), first: at, last: at, risk, detectors: vec![] }
    }

    fn label(user: &str, day: i64) -> Label {
        let from = Timestamp(day * model::time::DAY);
        Label { family: "leaver".into(), user_id: UserId::new(user), from, to: from.plus(model::time::HOUR) }
    }

    #[test]
    fn true_and_false_alerts_are_counted() {
        let alerts = [alert("a", 10, 90.0), alert("b", 10, 80.0), alert("c", 10, 30.0), alert("a", 3, 65.0)];
        let found = evaluate(&alerts, &[label("a", 10), label("c", 10)], 1_000, HIGH);
        assert_eq!((found.detected, found.false_alerts), (1, 2));
        assert_eq!((found.recall, found.false_per_1000_user_days), (0.5, 2.0));
        // 1 of 1 at recall 1/2; 2 of 4 at recall 1.
        assert!((found.average_precision - (0.5 + 0.25)).abs() < 1e-12);
    }

    #[test]
    fn weeks_are_counted_by_their_first_events() {
        let alerts = [alert("a", 10, 90.0), alert("b", 3, 80.0), alert("c", 15, 30.0)];
        let labels = [label("a", 10), label("c", 15)];
        let span = (Timestamp(0), Timestamp(20 * model::time::DAY));
        let rows = by_week(&alerts, &labels, span, HIGH);
        let counts: Vec<(u64, u64, u64)> =
            rows.iter().map(|row| (row.attacks, row.detected, row.false_alerts)).collect();
        assert_eq!(counts, [(0, 0, 1), (1, 1, 0), (1, 0, 0)]);
    }

    #[test]
    fn a_perfect_ranking_scores_one() {
        let alerts = [alert("a", 10, 90.0), alert("b", 9, 5.0)];
        assert_eq!(evaluate(&alerts, &[label("a", 10)], 10, HIGH).average_precision, 1.0);
    }

    #[test]
    fn a_sweep_goes_from_high_thresholds_to_low_ones() {
        let alerts = [alert("a", 10, 90.0), alert("b", 10, 50.0)];
        let rows = sweep(&alerts, &[label("a", 10)], 100);
        let pairs: Vec<(u64, u64)> = rows.iter().map(|row| (row.detected, row.false_alerts)).collect();
        assert_eq!(pairs, [(0, 0), (1, 0), (1, 1)]);
    }
}
