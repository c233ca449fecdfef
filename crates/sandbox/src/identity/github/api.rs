//! `/user` and `/user/emails` as api.github.com answers them, with every field its schema requires.
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{Access, Hub, VENDOR};
use crate::identity::params::Params;
use crate::identity::people::{Person, Quirk};
use crate::identity::trouble;

const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];
const HELP: &str = "https://docs.github.com/rest";

pub async fn user(request: HttpRequest, hub: web::Data<Hub>) -> HttpResponse {
    let access = match admit(&request, &hub).await {
        Ok(access) => access,
        Err(refused) => return refused,
    };
    let mut login = access.person.github_login();
    if trouble::shows(&hub.faults, VENDOR, "renamed_login") {
        login.push_str("-renamed");
    }
    let hides_mail = matches!(
        access.person.quirk,
        Quirk::NoPublicMail | Quirk::NoMail | Quirk::MailUnverified | Quirk::OnlySecondMailVerified
    );
    let hides_mail = hides_mail || trouble::shows(&hub.faults, VENDOR, "public_email_null");
    answer(&access).json(profile(&hub.url, &access.person, &login, !hides_mail))
}

pub async fn emails(request: HttpRequest, hub: web::Data<Hub>) -> HttpResponse {
    let access = match admit(&request, &hub).await {
        Ok(access) => access,
        Err(refused) => return refused,
    };
    if !access.reads_emails() {
        let mut refused = HttpResponse::NotFound();
        refused.insert_header(("X-Accepted-OAuth-Scopes", "user, user:email"));
        refused.insert_header(("X-OAuth-Scopes", access.scopes.join(", ")));
        return refused.json(json!({"message": "Not Found", "documentation_url": HELP, "status": "404"}));
    }
    let none_verified = trouble::shows(&hub.faults, VENDOR, "no_verified_mail");
    let all = addresses(&access.person, none_verified);
    let params = Params::of_query(&request);
    let number = |name, otherwise| params.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (per_page, page): (usize, usize) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let shown: Vec<_> = all.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    let mut response = answer(&access);
    if page.saturating_mul(per_page) < all.len() {
        let next = format!("<{}/api/user/emails?per_page={per_page}&page={}>; rel=\"next\"", hub.url, page + 1);
        response.insert_header((header::LINK, next));
    }
    response.json(shown)
}

async fn admit(request: &HttpRequest, hub: &Hub) -> Result<Access, HttpResponse> {
    if let Some(answer) = trouble::strike(&hub.faults, VENDOR).await {
        return Err(answer);
    }
    let text_of = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text_of("User-Agent").is_none_or(str::is_empty) {
        return Err(HttpResponse::Forbidden().content_type("text/html; charset=utf-8").body(
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n",
        ));
    }
    if trouble::shows(&hub.faults, VENDOR, "rate_limited") {
        return Err(rate_limited());
    }
    if let Some(version) = text_of("X-GitHub-Api-Version").filter(|version| !VERSIONS.contains(version)) {
        let message = format!("{version} is not a supported API version.");
        return Err(refused(StatusCode::BAD_REQUEST, &message));
    }
    let Some(authorization) = text_of("Authorization") else {
        return Err(refused(StatusCode::UNAUTHORIZED, "Requires authentication"));
    };
    let token = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token
        .and_then(|(_, token)| hub.tokens.open(token.trim()))
        .ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "Bad credentials"))
}

fn answer(access: &Access) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("X-OAuth-Scopes", access.scopes.join(", ")));
    response.insert_header(("X-GitHub-Media-Type", "github.v3; format=json"));
    response.insert_header(("Cache-Control", "private, max-age=60, s-maxage=60"));
    response
}

fn refused(status: StatusCode, message: &str) -> HttpResponse {
    let body = json!({"message": message, "documentation_url": HELP, "status": status.as_u16().to_string()});
    HttpResponse::build(status).json(body)
}

fn rate_limited() -> HttpResponse {
    let reset = chrono::Utc::now().timestamp() + 60;
    HttpResponse::Forbidden()
        .insert_header(("x-ratelimit-limit", "5000"))
        .insert_header(("x-ratelimit-remaining", "0"))
        .insert_header(("x-ratelimit-used", "5000"))
        .insert_header(("x-ratelimit-resource", "core"))
        .insert_header(("x-ratelimit-reset", reset.to_string()))
        .json(json!({"message": "API rate limit exceeded for user.", "documentation_url": HELP, "status": "403"}))
}

/// The primary address does not come first: the vendor promises no order.
fn addresses(person: &Person, none_verified: bool) -> Vec<Value> {
    let entry = |email: &str, primary: bool, verified: bool, visibility: Option<&str>| json!({"email": email, "primary": primary, "verified": verified && !none_verified, "visibility": visibility});
    let second = person.second_email();
    match person.quirk {
        Quirk::NoMail => Vec::new(),
        Quirk::MailUnverified => {
            vec![entry(&second, false, false, None), entry(&person.email, true, false, Some("private"))]
        }
        Quirk::OnlySecondMailVerified => {
            vec![entry(&second, false, true, None), entry(&person.email, true, false, Some("private"))]
        }
        Quirk::NoPublicMail => {
            vec![entry(&second, false, true, None), entry(&person.email, true, true, Some("private"))]
        }
        Quirk::None | Quirk::NoName => {
            vec![entry(&second, false, true, None), entry(&person.email, true, true, Some("public"))]
        }
    }
}

fn profile(url: &str, person: &Person, login: &str, shows_mail: bool) -> Value {
    let id = person.github_id();
    let api = format!("{url}/api/users/{login}");
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_{id:x}"),
        "avatar_url": format!("{url}/avatars/u/{id}?v=4"),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{url}/{login}"),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": "User",
        "user_view_type": "public",
        "site_admin": false,
        "name": person.display_name(),
        "company": null,
        "blog": "",
        "location": null,
        "email": shows_mail.then_some(&person.email),
        "hireable": null,
        "bio": null,
        "twitter_username": null,
        "notification_email": null,
        "public_repos": 2,
        "public_gists": 0,
        "followers": 3,
        "following": 1,
        "created_at": "2011-03-14T09:26:53Z",
        "updated_at": "2026-11-01T12:00:00Z"
    })
}
