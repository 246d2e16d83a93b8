//! Attack families with stolen tokens and misused integration accounts.

use std::sync::Arc;

use super::scene::{Scene, full_query};
use crate::account::Class;
use crate::calendar::MINUTE;
use crate::catalog::Query;
use crate::event::{LoginKind, ThreatKind};
use crate::location::{Browser, System, browser, program};
use crate::script::{REST, STOLEN};

/// Clients of attackers.
const TOOLS: [&str; 4] = ["python-requests/2.32.3", "curl/8.5.0", "simple-salesforce/1.12.6", "Go-http-client/2.0"];

/// Reads several objects completely, with a stolen token.
pub(super) fn api_exfiltration(scene: &mut Scene<'_>) {
    let tool = scene.dice.pick(&TOOLS).copied().unwrap_or("curl/8.5.0");
    // A hard attack with an integration's token uses the integration's client.
    let careful = scene.account.class == Class::Integration && scene.size < 0.4;
    let client = if careful { scene.session.client.clone() } else { program(tool) };
    let (ip, location) = scene.network();
    let session = scene.new_session(ip, location, client);
    let factor = scene.scale(3.0, 50.0);
    let objects = scene.count(2, 8);
    let mut names = scene.persona.objects();
    names.truncate(objects.div_ceil(2) as usize);
    let foreign = scene.dice.sample(&scene.persona.team.foreign_objects(), objects as usize);
    names.extend(foreign.into_iter().take((objects as usize).saturating_sub(names.len())));
    let queries = scene.count(3, 24);
    let share = scene.usual_rows * factor / f64::from(queries);
    for (at, object) in scene.times(queries, (10, 120)).into_iter().zip(names.into_iter().cycle()) {
        let rows = scene.dice.log_normal(share, 0.5);
        scene.perform(|script| script.query(at, &session, &full_query(object), &STOLEN, rows));
    }
    scene.perhaps_detect(ThreatKind::ApiAnomaly, &session, None);
    scene.note = format!("{queries} queries of {objects} objects, {factor:.1} times the rows of a usual day");
}

/// Probes many objects with counts and single rows.
pub(super) fn api_recon(scene: &mut Scene<'_>) {
    let tool = scene.dice.pick(&TOOLS).copied().unwrap_or("curl/8.5.0");
    let (ip, location) = scene.network();
    let session = scene.new_session(ip, location, program(tool));
    let queries = scene.count(15, 150);
    let mut objects = scene.persona.team.foreign_objects();
    objects.extend([
        "Organization",
        "Profile",
        "ApexClass",
        "EntityDefinition",
        "FieldDefinition",
        "SetupAuditTrail",
        "LoginHistory",
        "ConnectedApplication",
    ]);
    let objects = scene.dice.sample(&objects, scene.count(6, 40) as usize);
    for (at, object) in scene.times(queries, (4, 60)).into_iter().zip(objects.iter().cycle()) {
        let counts = scene.dice.chance(0.4);
        let text =
            if counts { format!("SELECT COUNT() FROM {object}") } else { format!("SELECT Id FROM {object} LIMIT 1") };
        let query = Arc::new(Query { objects: object, text });
        let rows = if counts { 0.0 } else { 1.0 };
        scene.perform(|script| script.query(at, &session, &query, &STOLEN, rows));
    }
    scene.note = format!("{queries} probing queries of {} objects", objects.len());
}

/// Uses an integration's account by hand: other client, objects and hours.
pub(super) fn integration_abuse(scene: &mut Scene<'_>) {
    let interactive = scene.dice.chance(0.5);
    let client = if interactive {
        browser(Browser::Chrome, System::Windows, scene.today.index, 0)
    } else {
        program("PostmanRuntime/7.43.0")
    };
    let (ip, location) = scene.network();
    let session = scene.new_session(ip, location, client);
    scene.at = scene.today.midnight + i64::from(scene.dice.whole(9 * 60, 19 * 60)) * MINUTE;
    let at = scene.at;
    let kind = if interactive { LoginKind::Application } else { LoginKind::Oauth };
    scene.perform(|script| script.login(at - 20_000, &session, "Success", kind));
    let new_objects = scene.count(3, 7);
    let looks = scene.count(10, 40);
    let rows = scene.usual_rows.min(60_000.0) * scene.scale(0.5, 3.0);
    let times = scene.times(looks, (12, 150));
    if interactive {
        let mut views = scene.foreign_views(new_objects);
        views.extend(scene.broad_views());
        scene.open_views(&session, &views, &times, rows);
        let reports = scene.unknown_reports(new_objects);
        let times = scene.times(new_objects, (20, 150));
        scene.export(&session, &reports, &times, rows * 0.5);
    } else {
        let mut objects = scene.dice.sample(&scene.persona.team.foreign_objects(), new_objects as usize);
        objects.extend(scene.persona.objects());
        for (at, object) in times.into_iter().zip(objects.into_iter().cycle()) {
            let rows = scene.dice.log_normal(rows / f64::from(looks), 0.5);
            scene.perform(|script| script.query(at, &session, &full_query(object), &REST, rows));
        }
    }
    scene.note = format!("an integration account used by hand, {new_objects} new objects");
}
