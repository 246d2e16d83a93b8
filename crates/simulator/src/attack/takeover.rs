//! Attack families in which strangers or administrators act as another user.

use std::sync::Arc;

use super::scene::Scene;
use crate::calendar::MINUTE;
use crate::event::{Body, LoginKind, Session, ThreatKind};
use crate::location::{Browser, System, browser, mobile_ip};
use crate::workday;

/// Continues a running session from another network and client, and reads.
pub(super) fn session_hijack(scene: &mut Scene<'_>) {
    let own = scene.session.clone();
    let (ip, location) = if scene.size < 0.25 {
        // A hard attack comes from a carrier's address in the same country.
        (mobile_ip(scene.dice.word(), scene.dice.word()), own.location)
    } else {
        scene.network()
    };
    let system = if own.client.platform.starts_with("Mac") { System::Windows } else { System::Mac };
    let client = browser(Browser::Firefox, system, scene.today.index, 3);
    let stolen = Arc::new(Session { ip, location, client, ..Session::clone(&own) });
    let factor = scene.scale(2.5, 15.0);
    let looks = scene.count(5, 30);
    let times = scene.times(looks, (8, 90));
    let mut views = scene.broad_views();
    let new_objects = scene.count(1, 4) - 1;
    views.extend(scene.foreign_views(new_objects));
    scene.open_views(&stolen, &views, &times, scene.usual_rows * factor);
    // Page events carry the user agent; list views do not.
    for at in times.into_iter().step_by(2) {
        let object = scene.dice.pick(scene.persona.team.objects()).copied().unwrap_or("Account");
        scene.perform(|script| script.open_record(at + 2_500, &stolen, object));
    }
    scene.perhaps_detect(ThreatKind::SessionHijacking, &stolen, Some(own));
    scene.note = format!("the session continues from {}, {factor:.1} times a usual day", stolen.ip);
}

/// Fails to log in many times, then succeeds and exports reports.
pub(super) fn credential_stuffing(scene: &mut Scene<'_>) {
    let failures = scene.count(5, 45);
    let number = scene.dice.word() % 1_000_000;
    let location = scene.dice.pick(&crate::location::ABROAD).unwrap_or(scene.account.location);
    let client = browser(Browser::Chrome, System::Windows, scene.today.index, 0);
    let session = scene.new_session(location.rented_ip(number), location, client);
    let start = scene.at;
    let pause = i64::from(scene.dice.whole(4, 40)) * 1_000;
    for nth in 0..i64::from(failures) {
        let at = start + nth * pause;
        scene.perform(|script| script.login(at, &session, "Invalid Password", LoginKind::Application));
    }
    let success = start + i64::from(failures) * pause;
    scene.perform(|script| script.login(success, &session, "Success", LoginKind::Application));
    scene.at = success + MINUTE;
    let factor = scene.scale(1.2, 12.0);
    let exports = scene.count(2, 10);
    let reports = scene.unknown_reports(exports);
    let times = scene.times(exports, (6, 80));
    scene.export(&session, &reports, &times, scene.usual_rows * factor);
    scene.perhaps_detect(ThreatKind::ReportAnomaly, &session, None);
    scene.note = format!("{failures} failed logins, one success from {}, {exports} exports", location.city);
}

/// Logs in as another user, as an administrator, and exports reports.
pub(super) fn login_as_export(scene: &mut Scene<'_>) {
    let Some(admin) = scene.dice.pick(&scene.world.admins).and_then(|&admin| scene.world.account(admin)) else {
        return;
    };
    let Some(identity) = admin.identity().cloned() else { return };
    let client = workday::usual_client(admin, scene.today.index);
    let session = scene.new_session(admin.location.office_ip(u64::from(admin.index)), admin.location, client);
    let at = scene.at;
    let note = format!("{} logs in as the user", identity.username);
    scene.perform(|script| script.event(at, &session, Body::LoginAs { admin: identity }));
    scene.at = at + MINUTE;
    let exports = scene.count(4, 12);
    let reports = scene.unknown_reports(exports);
    let times = scene.times(exports, (8, 100));
    let factor = scene.scale(2.5, 15.0);
    scene.export(&session, &reports, &times, scene.usual_rows * factor);
    let views = scene.broad_views();
    let looks = scene.count(2, 12);
    let times = scene.times(looks, (8, 100));
    scene.open_views(&session, &views, &times, scene.usual_rows * factor * 0.3);
    scene.note = format!("{note} and exports {exports} reports, {factor:.1} times a usual day");
}
