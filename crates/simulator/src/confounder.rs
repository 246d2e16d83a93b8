//! Lists everything harmless that looks unusual.

use crate::calendar::{Closing, DAY};
use crate::catalog::TEAMS;
use crate::episode::KINDS;
use crate::labels::{Confounder, rfc3339};
use crate::location::{UPGRADE_EVERY, UPGRADE_OFFSET};
use crate::world::World;

/// Names of confounders of a team or the whole org.
pub(crate) const SHARED: [&str; 4] = ["month_end", "quarter_end", "browser_upgrade", "rollout"];

/// Returns the names of all kinds of [`Confounder`], shared ones first.
pub fn confounder_kinds() -> Vec<&'static str> {
    SHARED.into_iter().chain(KINDS.iter().map(|kind| kind.name())).collect()
}

/// Returns all confounders, by time and then by kind.
pub(crate) fn all(world: &World) -> Vec<Confounder> {
    let mut confounders: Vec<Confounder> = shared(world);
    for account in &world.accounts {
        let Some(identity) = account.identity() else { continue };
        if world.is_scripted(account.index) {
            continue;
        }
        for episode in &account.episodes {
            let (user_id, username) = (identity.user_id.clone(), identity.username.clone());
            if let Some((from, to)) = span(world, episode.first, episode.last) {
                confounders.push(Confounder { kind: episode.kind.name().to_owned(), user_id, username, from, to });
            }
        }
    }
    confounders.sort_by(|a, b| (&a.from, &a.kind, &a.user_id).cmp(&(&b.from, &b.kind, &b.user_id)));
    confounders
}

/// Returns the confounders of teams and of the whole org.
fn shared(world: &World) -> Vec<Confounder> {
    let mut days: Vec<(&str, u32, u32)> = Vec::new();
    for today in &world.calendar {
        match today.closing {
            Closing::Month => days.push(("month_end", today.index, today.index)),
            Closing::Quarter => days.push(("quarter_end", today.index, today.index)),
            Closing::Ordinary => {}
        }
        if today.index % UPGRADE_EVERY == UPGRADE_OFFSET {
            days.push(("browser_upgrade", today.index, today.index + 6));
        }
    }
    for team in TEAMS {
        days.extend(
            world.catalog.of_team(team).rollouts.iter().map(|rollout| ("rollout", rollout.day, rollout.day + 1)),
        );
    }
    let shared = days.into_iter().filter_map(|(kind, first, last)| {
        let (from, to) = span(world, first, last)?;
        Some(Confounder { kind: kind.to_owned(), user_id: String::new(), username: String::new(), from, to })
    });
    shared.collect()
}

/// Returns the start of day `first` and the end of day `last`, within the plan.
fn span(world: &World, first: u32, last: u32) -> Option<(String, String)> {
    let from = world.calendar.get(first as usize)?.midnight;
    let to = world.calendar.get(last as usize).or(world.calendar.last())?.midnight + DAY - 1;
    Some((rfc3339(from), rfc3339(to)))
}
