//! Attack families of people who misuse their own access.

use super::ordinary;
use super::scene::{Scene, full_query};
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::event::LoginKind;
use crate::mechanism::season;
use crate::script::BULK;
use crate::workday::Workday;

/// Opens broad views of usual and new objects, and exports a few reports.
pub(super) fn leaver(scene: &mut Scene<'_>) {
    let factor = scene.scale(4.0, 40.0);
    let new_objects = scene.count(2, 6) - 1;
    let mut views = scene.broad_views();
    views.extend(scene.foreign_views(new_objects));
    let looks = scene.count(12, 40);
    let times = scene.times(looks, (10, 120));
    let rows = scene.usual_rows * factor;
    let session = scene.session.clone();
    scene.open_views(&session, &views, &times, rows);
    let exports = scene.count(1, 4) - 1;
    let reports = scene.unknown_reports(exports);
    let times = scene.times(exports, (60, 150));
    scene.export(&session, &reports, &times, rows * 0.4);
    scene.note =
        format!("broad views of {} objects, {new_objects} of them new, {factor:.1} times a usual day", views.len());
}

/// Exports many reports that the account never exported before.
pub(super) fn report_export(scene: &mut Scene<'_>) {
    let factor = scene.scale(4.0, 30.0);
    let count = scene.count(6, 20);
    let reports = scene.unknown_reports(count);
    let times = scene.times(count, (10, 150));
    let session = scene.session.clone();
    let rows = scene.usual_rows * factor;
    scene.export(&session, &reports, &times, rows);
    scene.perhaps_detect(crate::event::ThreatKind::ReportAnomaly, &session, None);
    scene.note = format!("exports {count} unknown reports, {factor:.1} times the rows of a usual day");
}

/// Reads a few times the usual rows, day after day.
pub(super) fn slow_drip(scene: &mut Scene<'_>) {
    let wanted = scene.count(7, 12);
    let extra = scene.scale(2.5, 4.5);
    let mut views = scene.broad_views();
    views.extend(scene.foreign_views(2));
    let world = scene.world;
    let last = world.plan.days.saturating_sub(2);
    let mut days = 0;
    for today in world.calendar.iter().take(last as usize + 1).rev() {
        let early = today.index < scene.window;
        if days == wanted || (early && days >= 6) {
            break;
        }
        if today.is_weekend() || ordinary(world, scene.account, *today).is_empty() {
            continue;
        }
        days += 1;
        let workday = Workday::new(world, scene.account, *today);
        let looks = scene.dice.whole(4, 10);
        let mut times: Vec<i64> = (0..looks).map(|_| workday.moment(&mut scene.dice)).collect();
        times.sort_unstable();
        let rows = scene.usual_rows * extra * scene.dice.between(0.8, 1.25);
        for (nth, at) in times.into_iter().enumerate() {
            let session = workday.session(at).clone();
            let view = views.get((nth + today.index as usize) % views.len().max(1)).cloned();
            let chosen: Vec<_> = view.into_iter().collect();
            scene.open_views(&session, &chosen, &[at], rows / f64::from(looks));
        }
    }
    scene.note = format!("{:.1} times the usual rows on {days} working days", 1.0 + extra);
}

/// Opens broad views of the team's own objects.
pub(super) fn scope_creep(scene: &mut Scene<'_>) {
    let factor = scene.scale(5.0, 18.0);
    let views = scene.broad_views();
    let looks = scene.count(8, 24);
    let times = scene.times(looks, (20, 170));
    let session = scene.session.clone();
    scene.open_views(&session, &views, &times, scene.usual_rows * factor);
    scene.note = format!("{looks} looks at broad views of the team's own objects, {factor:.1} times a usual day");
}

/// Reads and exports at night or on a Sunday, from home with the usual client.
pub(super) fn off_hours_theft(scene: &mut Scene<'_>) {
    let factor = scene.scale(4.0, 14.0);
    let local_midnight = season::local_midnight(scene.world, scene.account.location, scene.today);
    let minutes = i64::from(scene.dice.whole(0, 240)) * MINUTE;
    let until_sunday = 6 - scene.today.weekday.min(6);
    let sunday_is_simulated = scene.today.index + until_sunday + 2 <= scene.world.plan.days;
    scene.at = if sunday_is_simulated && scene.dice.chance(0.4) {
        local_midnight + i64::from(until_sunday) * DAY + 10 * HOUR + minutes
    } else {
        // Between 22:00 and 02:00.
        local_midnight + 22 * HOUR + minutes
    };
    let (ip, location) = (crate::location::home_ip(u64::from(scene.account.index)), scene.account.location);
    let session = scene.new_session(ip, location, scene.session.client.clone());
    let at = scene.at;
    scene.perform(|script| script.login(at - 40_000, &session, "Success", LoginKind::Application));
    let mut views: Vec<_> = scene.persona.views.iter().map(|(view, _)| view.clone()).collect();
    views.extend(scene.broad_views());
    let looks = scene.count(8, 30);
    let times = scene.times(looks, (15, 110));
    scene.open_views(&session, &views, &times, scene.usual_rows * factor * 0.6);
    let exports = scene.count(4, 9);
    let reports = if scene.size < 0.15 { scene.persona.reports.clone() } else { scene.unknown_reports(exports) };
    let times = scene.times(exports, (20, 120));
    scene.export(&session, &reports, &times, scene.usual_rows * factor * 0.4);
    scene.note = format!("views and exports at night or on a Sunday, {factor:.1} times a usual day");
}

/// Downloads Bulk API results, files, or both.
pub(super) fn bulk_export(scene: &mut Scene<'_>) {
    let session = scene.session.clone();
    let (jobs, files) = match scene.dice.whole(0, 2) {
        0 => (scene.count(4, 12), 0),
        1 => (0, scene.count(20, 90)),
        _ => (scene.count(3, 8), scene.count(12, 50)),
    };
    let objects = scene.persona.team.objects();
    let rows = scene.usual_rows * scene.scale(4.0, 50.0) / f64::from(jobs.max(1));
    for at in scene.times(jobs, (10, 160)) {
        let Some(query) = scene.dice.pick(objects).map(|object| full_query(object)) else { continue };
        let rows = scene.dice.log_normal(rows, 0.4);
        scene.perform(|script| {
            let done = script.query(at, &session, &query, &BULK, rows.min(40_000.0));
            script.bulk_result(done + 20_000, &session, &query, rows);
        });
    }
    for at in scene.times(files, (10, 100)) {
        scene.perform(|script| script.file(at, &session, "UI_DOWNLOAD"));
    }
    scene.note = format!("{jobs} bulk results, {files} file downloads");
}
