//! Attack families that read page by page, or for weeks.

use super::ordinary;
use super::scene::Scene;
use crate::calendar::MINUTE;
use crate::location::program;
use crate::workday::Workday;

/// Objects that administrators hardly read.
const SENSITIVE: [&str; 4] = ["Compensation__c", "Partner_Agreement__c", "Employee_Review__c", "Background_Check__c"];
/// Objects that a misconfigured site shows to guests.
const EXPOSED: [&str; 5] = ["Contact", "Case", "Account", "ContentDocument", "User"];

/// Reads record after record as a site's guest user.
pub(super) fn guest_enumeration(scene: &mut Scene<'_>) {
    let (ip, location) = if scene.dice.chance(0.5) { scene.cloud() } else { scene.network() };
    let agent = if scene.size < 0.4 { scene.session.client.clone() } else { program("python-requests/2.32.3") };
    let session = scene.new_session(ip, location, agent);
    let pages = scene.count(120, 6_000);
    let kinds = scene.count(1, 5) as usize;
    let objects = scene.dice.sample(&EXPOSED, kinds);
    let times = scene.times(pages, (20, 300));
    let first = scene.dice.word() % 100_000;
    scene.read_records(&session, &objects, &times, Some(first));
    scene.note = format!("a guest enumerates {pages} record pages of {} objects", objects.len());
}

/// Reads records of a few important people, and of sensitive objects, as an administrator.
pub(super) fn admin_snooping(scene: &mut Scene<'_>) {
    let session = scene.session.clone();
    let pages = scene.count(8, 120);
    let kinds = scene.count(1, 4) as usize;
    let mut objects = scene.dice.sample(&SENSITIVE, kinds);
    objects.push("Contact");
    let times = scene.times(pages, (15, 240));
    let people = scene.dice.whole(2, 8);
    let first = scene.dice.word() >> 24;
    for (at, object) in times.into_iter().zip(objects.iter().cycle()) {
        let record = first + u64::from(scene.dice.whole(1, people));
        scene.perform(|script| script.read_record(at, &session, object, record));
    }
    scene.note = format!("an administrator reads {pages} pages about {people} people, {kinds} sensitive objects");
}

/// Reads two to three times the usual rows and pages, for about three weeks.
pub(super) fn insider_weeks(scene: &mut Scene<'_>) {
    let (world, extra) = (scene.world, scene.scale(1.0, 2.0));
    let last = world.plan.days.saturating_sub(2) as usize;
    let mut views: Vec<_> = scene.persona.views.iter().map(|(view, _)| view.clone()).collect();
    views.extend(scene.broad_views());
    let mut days = 0;
    for today in world.calendar.iter().take(last + 1).rev().take(21) {
        let events = ordinary(world, scene.account, *today);
        if events.is_empty() || today.is_weekend() {
            continue;
        }
        days += 1;
        let workday = Workday::new(world, scene.account, *today);
        let looks = scene.dice.whole(3, 9);
        let rows = scene.usual_rows * extra * scene.dice.between(0.7, 1.4) / f64::from(looks);
        for _ in 0..looks {
            let at = workday.moment(&mut scene.dice);
            let session = workday.session(at).clone();
            let view: Vec<_> = scene.dice.pick(&views).cloned().into_iter().collect();
            scene.open_views(&session, &view, &[at], rows);
        }
        let pages = scene.dice.count(extra * 12.0);
        for _ in 0..pages {
            let at = workday.moment(&mut scene.dice);
            let session = workday.session(at).clone();
            scene.read_records(&session, scene.persona.team.objects(), &[at], None);
        }
    }
    scene.note = format!("{:.1} times the usual on {days} working days of three weeks", 1.0 + extra);
}

/// Reads record pages at a steady pace, below the limits for rows and exports.
pub(super) fn page_scraping(scene: &mut Scene<'_>) {
    let session = scene.session.clone();
    let pages = scene.count(150, 2_500);
    let object = scene.persona.team.objects().first().copied().unwrap_or("Account");
    let pause = i64::from(scene.dice.whole(3, 25)) * 1_000;
    let start = scene.at;
    let end = scene.world.calendar.last().map_or(start, |last| last.midnight + 18 * 60 * MINUTE);
    let times: Vec<i64> = (0..i64::from(pages))
        .map(|nth| start + nth * pause + i64::from(scene.dice.whole(0, 900)))
        .take_while(|at| *at < end)
        .collect();
    let first = scene.dice.word() >> 24;
    scene.read_records(&session, &[object], &times, Some(first));
    scene.note = format!("{} record pages of {object}, one every {} seconds", times.len(), pause / 1_000);
}
