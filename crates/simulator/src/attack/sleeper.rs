//! Attack families with accounts of others: one that sleeps, one of a person who has left, and a session in use.

use std::sync::Arc;

use super::scene::Scene;
use crate::event::{LoginKind, Session};
use crate::location::{Browser, System, browser, home_ip};
use crate::workday;

/// Wakes an account that nobody has used for a while, from a new network.
pub(super) fn dormant(scene: &mut Scene<'_>) {
    let number = scene.dice.word() % 1_000_000;
    let (ip, location) = match scene.size < 0.3 {
        true => (home_ip(number), scene.account.location),
        false => scene.network(),
    };
    let client = browser(Browser::Chrome, System::Windows, scene.today.index, 1);
    let session = scene.new_session(ip, location, client);
    read(scene, &session);
    scene.note = format!("a dormant account wakes: {}", scene.note);
}

/// Lets a person who has left use the account that was forgotten, from home with the usual browser.
pub(super) fn departed(scene: &mut Scene<'_>) {
    let client = workday::usual_client(scene.account, scene.today.index);
    let ip = home_ip(u64::from(scene.account.index));
    let session = scene.new_session(ip, scene.account.location, client);
    read(scene, &session);
    scene.note = format!("a person who has left logs in: {}", scene.note);
}

/// Continues a stolen session from another home of the same country, with a similar browser.
pub(super) fn domestic_session_theft(scene: &mut Scene<'_>) {
    let own = scene.session.clone();
    let ip = home_ip(scene.dice.word());
    let client = if scene.size < 0.5 {
        own.client.clone()
    } else {
        browser(Browser::Firefox, System::Windows, scene.today.index, 5)
    };
    let stolen = Arc::new(Session { ip, client, ..Session::clone(&own) });
    let pages = scene.count(10, 150);
    let times = scene.times(pages, (10, 120));
    scene.read_records(&stolen, scene.persona.team.objects(), &times, None);
    let looks = scene.count(3, 20);
    let factor = scene.scale(1.2, 12.0);
    let times = scene.times(looks, (10, 120));
    let mut views = scene.broad_views();
    views.extend(scene.foreign_views(1));
    scene.open_views(&stolen, &views, &times, scene.usual_rows * factor);
    scene.note = format!("the session continues from {}, {pages} pages, {factor:.1} times a usual day", stolen.ip);
}

/// Logs in, reads views and record pages, and perhaps exports.
fn read(scene: &mut Scene<'_>, session: &Arc<Session>) {
    let at = scene.at;
    scene.perform(|script| script.login(at, session, "Success", LoginKind::Application));
    scene.at = at + 20_000;
    let factor = scene.scale(0.3, 10.0);
    let looks = scene.count(3, 25);
    let mut views: Vec<_> = scene.persona.views.iter().map(|(view, _)| view.clone()).collect();
    views.extend(scene.broad_views());
    let times = scene.times(looks, (10, 120));
    scene.open_views(session, &views, &times, scene.usual_rows * factor);
    let pages = scene.count(5, 80);
    let times = scene.times(pages, (10, 120));
    scene.read_records(session, scene.persona.team.objects(), &times, None);
    let exports = scene.count(1, 6) - 1;
    let reports = scene.unknown_reports(exports);
    let times = scene.times(exports, (20, 150));
    scene.export(session, &reports, &times, scene.usual_rows * factor);
    scene.note = format!("{looks} views, {pages} pages, {exports} exports, {factor:.1} times a usual day");
}
