//! GitHub's OAuth app web flow and the two API answers a sign-in reads.
//! Facts: docs.github.com, "Authorizing OAuth apps"; REST "Get the authenticated user".
mod api;
mod authorize;
mod token;

use std::net::TcpListener;

use actix_web::web;
use url::Url;

use super::avatar;
use super::grants::{Codes, Tokens};
use super::people::Person;
use super::serve::{Running, serve};
use crate::faults::Faults;

const VENDOR: &str = "github";
const CLIENT_ID: &str = "Ov23sandboxlapidary0";
const CLIENT_SECRET: &str = "sandbox-github-client-secret";

/// A running GitHub. Stops when dropped.
#[derive(Debug)]
pub struct GitHub {
    /// Stands for `https://github.com`: `/login/oauth/authorize`, `/login/oauth/access_token`.
    pub url: String,
    /// Stands for `https://api.github.com`: `/user`, `/user/emails`.
    pub api_url: String,
    pub client_id: String,
    pub client_secret: String,
    _running: Running,
}

struct Hub {
    url: String,
    /// The registered callback; sub-paths of it are allowed.
    callback: Url,
    faults: Faults,
    codes: Codes,
    tokens: Tokens<Access>,
}

#[derive(Clone)]
struct Access {
    person: Person,
    scopes: Vec<String>,
}

impl Access {
    fn reads_emails(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "user:email" || scope == "user")
    }
}

/// `public_url` is where Lapidary is reached; its callback there is the one that is registered.
pub async fn start(listener: TcpListener, public_url: &str, faults: Faults) -> std::io::Result<GitHub> {
    let url = format!("http://{}", listener.local_addr()?);
    let callback = format!("{}/v1/auth/github/callback", public_url.trim_end_matches('/'));
    let callback = Url::parse(&callback).map_err(std::io::Error::other)?;
    let (codes, tokens) = (Codes::default(), Tokens::default());
    let hub = web::Data::new(Hub { url: url.clone(), callback, faults, codes, tokens });
    let running = serve(listener, move |routes: &mut web::ServiceConfig| {
        routes
            .app_data(hub.clone())
            .service(
                web::resource(authorize::PATH)
                    .route(web::get().to(authorize::show))
                    .route(web::post().to(authorize::decide)),
            )
            .service(web::resource("/login/oauth/access_token").route(web::post().to(token::exchange)))
            .service(web::resource("/api/user").route(web::get().to(api::user)))
            .service(web::resource("/api/user/emails").route(web::get().to(api::emails)))
            .service(web::resource("/avatars/u/{id}").route(web::get().to(picture)));
    })?;
    Ok(GitHub {
        api_url: format!("{url}/api"),
        url,
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        _running: running,
    })
}

async fn picture(id: web::Path<u64>) -> actix_web::HttpResponse {
    avatar::answer(&format!("github {id}"))
}
