//! The page of an account: what it usually does, its risk, and one of its days.

mod of_day;
mod revealed;
mod week;

pub(super) use revealed::reveal;

use super::shell::{Section, Shell};
use super::usual::{self, Charts, charts, charts_going_on};
use super::{Asker, Dates, Failed, Fields, Page, dates, filters, links, render};
use crate::body::{Account, Day, DecisionBody, IncidentItem, ProfileBody, TimelineItem};
use crate::problem::Problem;
use crate::routes::accounts::OfAccount;
use crate::routes::{accounts, days, decisions, incidents, profile};
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use model::decision::WatchCause;
use model::time::DAY;
use model::{OrgId, Timestamp, UserClass, UserId};
use of_day::OfDay;
use runtime::clock::now;
use store::Role;
use view::chart::{Line, LinePoint, Rhythm, Week};
use week::week;

/// Days that the charts show.
const SHOWN: i64 = 90;

#[derive(Template)]
#[template(path = "account.html", whitespace = "minimize")]
struct AccountPage {
    shell: Shell,
    org: OrgId,
    user: UserId,
    name: String,
    /// Its risk; `None` if it never had a finding.
    account: Option<Account>,
    profile: ProfileBody,
    /// The hours of the week; `None` if they are of no day known.
    week: Option<Week>,
    /// The hours of working days and of weekends, shown in place of the week.
    rhythm: Option<Rhythm>,
    charts: Charts,
    risk: Option<Line>,
    /// The day that was asked for.
    day: Option<OfDay>,
    timeline: Vec<TimelineItem>,
    decided: Vec<DecisionBody>,
    first_times: Vec<(String, String)>,
    /// Its class where it changed, with the date, the latest first.
    classes: Vec<(String, String)>,
    sees_names: bool,
    may_decide: bool,
}

impl AccountPage {
    fn known_classes(&self) -> impl Iterator<Item = &'static str> {
        UserClass::ALL.iter().map(|class| class.as_str())
    }

    fn causes(&self) -> impl Iterator<Item = &'static str> {
        WatchCause::ALL.iter().map(|cause| cause.as_str())
    }

    fn path(&self) -> String {
        links::account(self.org.as_str(), self.user.as_str())
    }
}

/// Serves the page.
pub(super) async fn page(asker: Asker, path: Result<Path<OfAccount>, PathRejection>) -> Page {
    let (org, user) = path?.ids();
    let of = || Ok(Path(OfAccount::new(&org, &user)));
    let learned = profile::one(asker.visitor().await?, of()).await?.0;
    let account = match accounts::one(asker.state(), asker.visitor().await?, of()).await {
        Ok(account) => Some(account.0),
        Err(Problem::NotFound(_)) => None,
        Err(problem) => return Err(problem.into()),
    };
    let calendar = Dates::of(&asker, &org).await?;
    let asked = asker.query.get("day").and_then(dates::read);
    let latest = latest(&asker, &org, (asked, calendar)).await?;
    let span = Fields::default().with("from", &latest.plus(-SHOWN * DAY).to_string()).with("to", &latest.to_string());
    let days = days::list(asker.visitor().await?, of(), Ok(span.query()?)).await?.0;
    let own = Fields::default().with("org", org.as_str()).with("user", user.as_str());
    let listed = own.with("status", "open,acknowledged,resolved,withdrawn").with("sort", "latest").with("limit", "100");
    let incidents = incidents::list(asker.state(), asker.visitor().await?, Ok(listed.query()?)).await?.0.items;
    let limit = Fields::default().with("limit", "50");
    let timeline = accounts::timeline(asker.state(), asker.visitor().await?, of(), Ok(limit.query()?)).await?.0.items;
    let decided = decisions::list(asker.state(), asker.visitor().await?, Ok(own.query()?)).await?.0.items;
    let day = match asked {
        Some(date) => Some(OfDay::read(&asker, (&org, &user), (date, calendar), &days).await?),
        None => None,
    };
    let sees_names = asker.eyes().sees_names(&org);
    let name = account.as_ref().and_then(|account| account.username.clone()).unwrap_or_else(|| user.to_string());
    let path = links::account(org.as_str(), user.as_str());
    // At the end of a run the day under way has closed, too.
    let last = days.last().and_then(|day| calendar.number(&day.day)).unwrap_or(i64::MIN).max(calendar.at(latest) - 1);
    render(&AccountPage {
        shell: Shell::of(&asker, Section::Leaders),
        week: week(&days, calendar, last),
        rhythm: learned.learned.as_ref().and_then(rhythm),
        charts: match asked {
            // What came after a day of the past is known.
            Some(_) => charts(&days, calendar, &path),
            None => charts_going_on(&days, calendar, &path, last),
        },
        risk: risk(&incidents),
        first_times: first_times(&days, calendar),
        classes: class_changes(&days, calendar),
        may_decide: asker.session.role_in(&org).is_some_and(|role| role >= Role::Analyst),
        profile: learned,
        org,
        user,
        name,
        account,
        day,
        timeline,
        decided,
        sees_names,
    })
}

/// Returns the end of the days to show: that of the org, or ten days after the day that was asked for.
async fn latest(asker: &Asker, org: &OrgId, (asked, calendar): (Option<i64>, Dates)) -> Result<Timestamp, Failed> {
    let orgs = asker.orgs().await?;
    let own = orgs.iter().find(|own| own.org_id == org.as_str());
    let clock = own.and_then(|own| own.closed_until.as_deref()).and_then(Timestamp::parse).unwrap_or_else(now);
    Ok(asked.map_or(clock, |asked| clock.min(calendar.start(asked.saturating_add(10)))).plus(1))
}

fn rhythm(learned: &crate::body::LearnedBody) -> Option<Rhythm> {
    let hours = |shares: &[f64]| <[f64; 24]>::try_from(shares).ok();
    let rhythm = &learned.rhythm;
    Some(Rhythm::of(&hours(&rhythm.working_days.shares)?, &hours(&rhythm.weekends.shares)?, rhythm.center))
}

/// Draws the risk of the account's incidents over time.
fn risk(incidents: &[IncidentItem]) -> Option<Line> {
    let point = |item: &IncidentItem| {
        let at = Timestamp::parse(&item.last_event_at)?;
        Some(LinePoint { at, value: item.risk_score, href: Some(links::incident(&item.incident_id)) })
    };
    let points: Vec<LinePoint> = incidents.iter().rev().filter_map(point).collect();
    (!points.is_empty()).then(|| Line::of("Risk of its incidents, 0 to 100", &points))
}

/// Returns what the account used for the first time, with its date, the latest first.
fn first_times(days: &[Day], calendar: Dates) -> Vec<(String, String)> {
    let of_day = |day: &Day| {
        let date = calendar.of_day(&day.day);
        day.firsts.iter().map(|first| (date.clone(), usual::first_times(first))).collect::<Vec<_>>()
    };
    days.iter().rev().flat_map(of_day).take(60).collect()
}

/// Returns the days on which the class of the account was another one than before, the latest first.
fn class_changes(days: &[Day], calendar: Dates) -> Vec<(String, String)> {
    let pairs = days.iter().zip(days.iter().skip(1)).rev().filter(|(before, day)| before.user_class != day.user_class);
    let change = |(before, day): (&Day, &Day)| {
        (calendar.of_day(&day.day), format!("{} in place of {}", day.user_class, before.user_class))
    };
    pairs.map(change).collect()
}

/// Writes a number of days, each of which halves in time: a day that is nearly forgotten is under 1.
fn of_days(days: &f64) -> String {
    match days.round() {
        0.0 => "under a day".to_owned(),
        1.0 => "1 day".to_owned(),
        days => format!("{days:.0} days"),
    }
}
