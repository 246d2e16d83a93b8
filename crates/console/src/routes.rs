//! The routes, each with its documentation.
#![expect(unused_qualifications, reason = "the macros of utoipa write them")]

pub(crate) mod accounts;
pub(crate) mod anomalies;
pub(crate) mod days;
pub(crate) mod decisions;
pub(crate) mod detectors;
pub(crate) mod forms;
pub(crate) mod incidents;
pub(crate) mod letters;
pub(crate) mod operations;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod stream;
pub(crate) mod system;
pub(crate) mod thresholds;
pub(crate) mod touched;
pub(crate) mod views;

use crate::body::IncidentChange;
use crate::problem::ProblemBody;
use crate::server::App;
use std::sync::LazyLock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The head of the description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "orgwatch",
        description = "Everything that orgwatch knows of the orgs of a session: incidents with their findings and receipts, \
                       accounts, decisions and their effects, sources, and the changes of incidents as they happen.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("token" = []), ("session" = [])),
    modifiers(&Schemes),
    // Those that no operation names by itself.
    components(schemas(ProblemBody, IncidentChange)),
    tags(
        (name = "incidents", description = "Incidents, their findings, receipts and history"),
        (name = "anomalies", description = "Incidents in the forms that other systems read"),
        (name = "accounts", description = "Accounts and orgs"),
        (name = "decisions", description = "What people decide, and what follows"),
        (name = "operations", description = "Sources, detectors, services and the audit trail"),
        (name = "sessions", description = "Who is signed in, and tokens"),
    )
)]
struct Head;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token")).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKeyValue::with_description(crate::access::COOKIE, "The session of a person who signed in");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// Returns all routes with their description.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::count))
        .routes(routes!(incidents::one))
        .routes(routes!(incidents::look))
        .routes(routes!(incidents::history))
        .routes(routes!(incidents::similar))
        .routes(routes!(incidents::finding))
        .routes(routes!(views::list))
        .routes(routes!(views::keep, views::forget))
        .routes(routes!(anomalies::query))
        .routes(routes!(anomalies::describe))
        .routes(routes!(anomalies::spans::updated))
        .routes(routes!(anomalies::spans::deleted))
        .routes(routes!(anomalies::retrieve))
        .routes(routes!(anomalies::associated::history))
        .routes(routes!(anomalies::associated::feed))
        .routes(routes!(anomalies::associated::share))
        .routes(routes!(forms::incident))
        .routes(routes!(forms::events))
        .routes(routes!(accounts::orgs))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::one))
        .routes(routes!(accounts::timeline))
        .routes(routes!(accounts::reveal))
        .routes(routes!(profile::one))
        .routes(routes!(days::list))
        .routes(routes!(days::heat_map))
        .routes(routes!(days::peers))
        .routes(routes!(touched::object))
        .routes(routes!(touched::resource))
        .routes(routes!(decisions::list, decisions::record))
        .routes(routes!(decisions::preview))
        .routes(routes!(operations::sources))
        .routes(routes!(operations::all_gaps))
        .routes(routes!(operations::gaps))
        .routes(routes!(system::services))
        .routes(routes!(system::partitions))
        .routes(routes!(system::consumers))
        .routes(routes!(system::latency))
        .routes(routes!(detectors::list))
        .routes(routes!(detectors::score_card))
        .routes(routes!(detectors::surprised))
        .routes(routes!(thresholds::what_if))
        .routes(routes!(letters::list))
        .routes(routes!(letters::one))
        .routes(routes!(letters::replay))
        .routes(routes!(operations::audit))
        .routes(routes!(settings::one))
        .routes(routes!(settings::of_org))
        .routes(routes!(settings::history))
        .routes(routes!(sessions::own))
        .routes(routes!(sessions::list, sessions::create))
        .routes(routes!(sessions::end))
        .routes(routes!(sign_in::begin))
        .routes(routes!(sign_in::finish))
        .routes(routes!(sign_in::sign_out))
        .routes(routes!(stream::follow))
        .routes(routes!(description))
}

/// Returns the description of the API, in OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = all().into_openapi();
    close_rulings(&mut openapi);
    openapi
}

/// Says of the rulings of a decision what their type says by `deny_unknown_fields`: nothing else may be in them.
fn close_rulings(openapi: &mut utoipa::openapi::OpenApi) {
    let asked = openapi.components.as_mut().and_then(|components| components.schemas.get_mut("Ruling"));
    let Some(RefOr::T(Schema::OneOf(rulings))) = asked else { return };
    for ruling in &mut rulings.items {
        if let RefOr::T(Schema::Object(ruling)) = ruling {
            ruling.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// The description of the API
///
/// In OpenAPI 3.1.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "readDescription", tag = "operations", security(()),
    responses((status = 200, description = "The description", content_type = "application/json", body = Object)))]
async fn description() -> axum::Json<&'static utoipa::openapi::OpenApi> {
    static DESCRIPTION: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(openapi);
    axum::Json(&DESCRIPTION)
}
