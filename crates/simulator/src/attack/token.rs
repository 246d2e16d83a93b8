//! Attack families with tokens: an app that a person was talked into, a stolen token, an integration's user by hand.

use std::sync::Arc;

use super::scene::{Scene, full_query};
use crate::catalog::{Breadth, Query};
use crate::event::{Api, LoginKind};
use crate::location::{Browser, System, browser, program};
use crate::script::{BULK, REST};

/// Apps that imitate Data Loader; the names are those of public reports (Google Threat Intelligence on UNC6040, 2025).
static CLONES: [Api; 3] = [
    Api { api_type: "REST", application: "My Ticket Portal", client: "Unknown", connected_app: Some(901) },
    Api { api_type: "Bulk", application: "Dataloader Bulk", client: "Unknown", connected_app: Some(902) },
    Api { api_type: "SOAP Partner", application: "Data Loader", client: "DataLoaderBulkUI/", connected_app: Some(903) },
];

/// Clients of the token thieves of 2025 (Google Threat Intelligence on UNC6395).
const CLIENTS: [&str; 4] =
    ["python-requests/2.32.4", "Python/3.11 aiohttp/3.12.15", "Salesforce-Multi-Org-Fetcher/1.0", "Salesforce-CLI/1.0"];

/// Reads whole objects by a connected app that the person was talked into authorizing.
pub(super) fn cloned_app(scene: &mut Scene<'_>) {
    let (ip, location) = if scene.dice.chance(0.6) { scene.network() } else { scene.cloud() };
    let session = scene.new_session(ip, location, program("Java/17 Salesforce Bulk Client"));
    let Some(api) = scene.dice.pick(&CLONES) else { return };
    let at = scene.at;
    scene.perform(|script| script.login(at, &session, "Success", LoginKind::App(api.application)));
    scene.at = at + 30_000;
    let factor = scene.scale(1.5, 60.0);
    let objects = scene.count(1, 7) as usize;
    let mut names = vec!["Account", "Contact"];
    names.extend(scene.persona.objects());
    names.dedup();
    names.truncate(objects);
    let queries = scene.count(2, 20);
    let rows = scene.usual_rows * factor / f64::from(queries);
    for (at, object) in scene.times(queries, (4, 90)).into_iter().zip(names.into_iter().cycle()) {
        scene.perform(|script| script.query(at, &session, &full_query(object), api, rows));
    }
    scene.note = format!("{} reads whole objects, {factor:.1} times a usual day", api.application);
}

/// Counts an integration's objects with its stolen token, then reads them in bulk, from a cloud network.
pub(super) fn token_theft(scene: &mut Scene<'_>) {
    let agent = scene.dice.pick(&CLIENTS).copied().unwrap_or("Salesforce-CLI/1.0");
    let (ip, location) = scene.cloud();
    let session = scene.new_session(ip, location, program(agent));
    let mut objects = scene.persona.objects();
    objects.extend(["Account", "Opportunity", "User", "Case"]);
    objects.sort_unstable();
    objects.dedup();
    let factor = scene.scale(0.4, 20.0);
    let reads = scene.count(1, 8);
    let times = scene.times(objects.len() as u32 + reads, (5, 120));
    let (counts, bulk) = times.split_at(objects.len());
    for (&at, object) in counts.iter().zip(&objects) {
        let query = Arc::new(Query { objects: object, text: format!("SELECT COUNT() FROM {object}") });
        scene.perform(|script| script.query(at, &session, &query, &REST, 0.0));
    }
    let rows = scene.usual_rows * factor / f64::from(reads);
    for (&at, object) in bulk.iter().zip(objects.iter().rev().cycle()) {
        scene.perform(|script| {
            let done = script.query(at, &session, &full_query(object), &BULK, rows);
            script.bulk_result(done + 5_000, &session, &full_query(object), rows);
        });
    }
    scene.note = format!("counts {} objects, then {reads} bulk reads, {factor:.1} times a usual day", objects.len());
}

/// Uses an integration's user in a browser, to look at records.
pub(super) fn integration_by_hand(scene: &mut Scene<'_>) {
    let (ip, location) = scene.network();
    let session = scene.new_session(ip, location, browser(Browser::Edge, System::Windows, scene.today.index, 2));
    let at = scene.at;
    scene.perform(|script| script.login(at, &session, "Success", LoginKind::Application));
    scene.at = at + 15_000;
    let pages = scene.count(15, 200);
    let times = scene.times(pages, (10, 180));
    let mut objects = scene.persona.objects();
    let foreign = scene.dice.sample(&scene.persona.team.foreign_objects(), scene.count(1, 4) as usize);
    objects.extend(foreign);
    scene.read_records(&session, &objects, &times, None);
    let looks = scene.count(2, 12);
    let times = scene.times(looks, (10, 180));
    let mut views = scene.broad_views();
    views.extend(objects.iter().filter_map(|object| scene.world.catalog.view(object, Breadth::Filtered).cloned()));
    let rows = f64::from(looks) * scene.scale(30.0, 400.0);
    scene.open_views(&session, &views, &times, rows);
    scene.note = format!("an integration's user in a browser, {pages} record pages and {looks} views");
}
