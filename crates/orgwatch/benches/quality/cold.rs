//! False alarms in orgs of which nothing is known: no attacks, and no days that only teach.

use crate::on_all_cores;
use crate::worlds::{Org, Run, run};
use engine::evaluate::HIGH;
use model::Timestamp;
use model::time::DAY;
use simulator::{Attacks, WorldKind};

const WEEKS: usize = 9;
const WORLDS: [WorldKind; 3] = [WorldKind::Standard, WorldKind::Bursty, WorldKind::Roaming];

/// Prints false incidents in each week since an org's first day, by size of the org and by world.
pub(crate) fn measure() {
    let orgs: Vec<Org> = [120, 400]
        .iter()
        .flat_map(|users| WORLDS.iter().map(|world| (*users, *world)))
        .map(|(users, world)| Org { world, seed: 41, users, days: 7 * WEEKS as u32, taught: 0, attacks: Attacks::None })
        .collect();
    let runs = on_all_cores(&orgs, run);
    println!("Incidents at risk {HIGH} and more, all of them false, in 1,000 user-days, by week since the first day\n");
    let weeks: Vec<String> = (1..=WEEKS).map(|week| week.to_string()).collect();
    println!("| users | world | {} |\n|---|---|{}", weeks.join(" | "), "---|".repeat(WEEKS));
    for (org, run) in orgs.iter().zip(&runs) {
        let cells: Vec<String> = by_week(run).iter().map(|rate| format!("{rate:.1}")).collect();
        println!("| {} | {} | {} |", org.users, org.world.name(), cells.join(" | "));
    }
}

fn by_week(run: &Run) -> [f64; WEEKS] {
    let week = |at: Timestamp| usize::try_from(at.since(run.start).div_euclid(7 * DAY)).unwrap_or_default();
    let (mut alerts, mut days) = ([0.0; WEEKS], [0.0; WEEKS]);
    let count = |counts: &mut [f64; WEEKS], at: Timestamp| {
        if let Some(count) = counts.get_mut(week(at)) {
            *count += 1.0;
        }
    };
    run.ours.iter().filter(|alert| alert.risk >= HIGH).for_each(|alert| count(&mut alerts, alert.first));
    run.scores.iter().for_each(|day| count(&mut days, day.day));
    for (alerts, days) in alerts.iter_mut().zip(days) {
        *alerts *= 1_000.0 / f64::max(days, 1.0);
    }
    alerts
}
