//! The founding article's plain detectors and weighted sum, to compare with: z-score of daily rows, requests within a
//! minute, first access to an object, list views widened from "My" to "All".

use crate::evaluate::Alert;
use model::activity::Scope;
use model::time::{DAY, MINUTE};
use model::{Activity, Kind, OrgId, Timestamp, UserId, Uuid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The plain detectors and their state over all users.
#[derive(Default)]
pub struct PlainDetectors {
    learn_until: Option<Timestamp>,
    users: BTreeMap<(OrgId, UserId), User>,
    seen: BTreeSet<Uuid>,
}

#[derive(Default)]
struct User {
    days: Vec<f64>,
    day: i64,
    rows: f64,
    minute: VecDeque<Timestamp>,
    objects: BTreeSet<String>,
    scoped: BTreeSet<String>,
    /// The day's alarm, by day: the score of each detector that fired, and the times of the first and last firing.
    alarms: BTreeMap<i64, Alarm>,
    objects_today: BTreeSet<String>,
    scoped_today: BTreeSet<String>,
}

#[derive(Clone, Copy, Default)]
struct Alarm {
    scores: [f64; 4],
    first: Timestamp,
    last: Timestamp,
}

/// The article's scores, of 10: row spike, scope increase, view burst, new access.
const SCORES: [f64; 4] = [10.0, 8.0, 8.0, 7.0];
const ROW_SPIKE: usize = 0;
const SCOPE_INCREASE: usize = 1;
const VIEW_BURST: usize = 2;
const NEW_ACCESS: usize = 3;

impl PlainDetectors {
    /// Days of history before anything is judged: the article's two weeks.
    const LEAST_DAYS: usize = 14;
    /// The article's z-score from which on a day's rows are a spike.
    const Z: f64 = 3.0;
    /// The article's requests within a minute from which on they are a burst.
    const BURST: usize = 10;

    /// Creates the detectors without any user. Before `learn_until` nothing is raised.
    pub fn new(learn_until: Option<Timestamp>) -> Self {
        Self { learn_until, ..Self::default() }
    }

    /// Judges one activity against the days before, then learns it. Activities come in order of event time.
    pub fn observe(&mut self, activity: &Activity) {
        if !self.seen.insert(activity.id) {
            return;
        }
        let at = activity.event_time;
        let raises = self.learn_until.is_none_or(|until| at >= until);
        let user = self.users.entry((activity.org_id.clone(), activity.user_id.clone())).or_default();
        user.begin_day(at.0.div_euclid(DAY));
        if !matches!(activity.kind, Kind::ListView | Kind::Report | Kind::Api) {
            return;
        }
        let has_history = user.days.len() >= Self::LEAST_DAYS;
        let alarm = |detector: usize, user: &mut User| {
            if raises && has_history {
                user.alarm(detector, at);
            }
        };
        user.rows += activity.rows.unwrap_or(0) as f64;
        if user.z() >= Self::Z {
            alarm(ROW_SPIKE, user);
        }
        user.minute.push_back(at);
        while user.minute.front().is_some_and(|first| at.since(*first) > MINUTE) {
            user.minute.pop_front();
        }
        if user.minute.len() >= Self::BURST {
            alarm(VIEW_BURST, user);
        }
        for object in &activity.objects {
            if !user.objects.contains(object.as_str()) {
                user.objects_today.insert(object.to_string());
                alarm(NEW_ACCESS, user);
            }
            match activity.scope {
                Some(Scope::All) if user.scoped.contains(object.as_str()) && !user.scoped.contains(&all(object)) => {
                    user.scoped_today.insert(all(object));
                    alarm(SCOPE_INCREASE, user);
                }
                Some(Scope::All) => {
                    user.scoped_today.insert(all(object));
                }
                Some(Scope::Own) => {
                    user.scoped_today.insert(object.to_string());
                }
                _ => {}
            }
        }
    }

    /// Returns an alert for each user's day with an alarm, highest risk first: the article's scores, a quarter each.
    pub fn alerts(&self) -> Vec<Alert> {
        let alerts = self.users.iter().flat_map(|((_, user_id), user)| {
            user.alarms.values().map(|alarm| Alert {
                user_id: user_id.clone(),
                first: alarm.first,
                last: alarm.last,
                risk: alarm.scores.iter().sum::<f64>() * 10.0 / 4.0,
                detectors: Vec::new(),
            })
        });
        let mut alerts: Vec<Alert> = alerts.collect();
        alerts.sort_by(|a, b| b.risk.total_cmp(&a.risk).then(a.first.cmp(&b.first)).then(a.user_id.cmp(&b.user_id)));
        alerts
    }
}

impl User {
    /// Adds the last day to the history if a new one begins.
    fn begin_day(&mut self, day: i64) {
        if day == self.day {
            return;
        }
        if self.day != 0 && self.rows > 0.0 {
            self.days.push(self.rows);
        }
        self.day = day;
        self.rows = 0.0;
        self.objects.append(&mut self.objects_today);
        self.scoped.append(&mut self.scoped_today);
    }

    fn z(&self) -> f64 {
        let n = self.days.len() as f64;
        let mean = self.days.iter().sum::<f64>() / n.max(1.0);
        let variance = self.days.iter().map(|rows| (rows - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        if variance > 0.0 { (self.rows - mean) / variance.sqrt() } else { 0.0 }
    }

    fn alarm(&mut self, detector: usize, at: Timestamp) {
        let alarm = self.alarms.entry(self.day).or_insert(Alarm { first: at, ..Alarm::default() });
        alarm.last = at;
        if let (Some(slot), Some(score)) = (alarm.scores.get_mut(detector), SCORES.get(detector)) {
            *slot = *score;
        }
    }
}

fn all(object: &str) -> String {
    format!("all {object}")
}
