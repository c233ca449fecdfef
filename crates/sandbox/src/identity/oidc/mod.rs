//! An OpenID provider with Google's manners: discovery, RS256 keys that rotate, code flow with PKCE, userinfo.
//! Facts: OpenID Connect Core and Discovery 1.0; developers.google.com/identity/openid-connect.
mod authorize;
mod claims;
mod discovery;
mod id_token;
mod keys;
mod token;
mod userinfo;

use std::net::TcpListener;
use std::path::Path;

use actix_web::web;
use url::Url;

use self::claims::Claims;
use self::keys::Keys;
use super::avatar;
use super::grants::{Codes, Tokens};
use super::serve::{Running, serve};
use crate::faults::Faults;

const VENDOR: &str = "oidc";
const CLIENT_ID: &str = "000000000000-lapidary.apps.sandbox.test";
const CLIENT_SECRET: &str = "sandbox-oidc-client-secret";

/// A running provider. Stops when dropped.
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    provider: web::Data<Provider>,
    _running: Running,
}

impl Oidc {
    /// Signs with a new key from now on. The one before stays in the key set, older ones leave it.
    pub fn rotate(&self) -> std::io::Result<()> {
        self.provider.keys.rotate()
    }
}

struct Provider {
    issuer: String,
    callbacks: [String; 2],
    /// Where people are told they go back to.
    app: String,
    faults: Faults,
    codes: Codes,
    tokens: Tokens<Claims>,
    keys: Keys,
}

/// `public_url` is where Lapidary is reached. Signing keys are kept in the folder `data`, or in memory without one.
pub async fn start(
    listener: TcpListener,
    public_url: &str,
    faults: Faults,
    data: Option<&Path>,
) -> std::io::Result<Oidc> {
    let issuer = format!("http://{}", listener.local_addr()?);
    let public_url = public_url.trim_end_matches('/');
    let app = Url::parse(public_url).map_err(std::io::Error::other)?.origin().ascii_serialization();
    let callbacks = ["google", "oidc"].map(|name| format!("{public_url}/v1/auth/{name}/callback"));
    let keys = Keys::open(data)?;
    let (codes, tokens) = (Codes::default(), Tokens::default());
    let provider = web::Data::new(Provider { issuer: issuer.clone(), callbacks, app, faults, codes, tokens, keys });
    let served = provider.clone();
    let running = serve(listener, move |routes: &mut web::ServiceConfig| {
        routes
            .app_data(served.clone())
            .service(web::resource("/.well-known/openid-configuration").route(web::get().to(discovery::document)))
            .service(web::resource(discovery::KEYS_PATH).route(web::get().to(discovery::key_set)))
            .service(
                web::resource(authorize::PATH)
                    .route(web::get().to(authorize::show))
                    .route(web::post().to(authorize::decide)),
            )
            .service(web::resource(token::PATH).route(web::post().to(token::exchange)))
            .service(
                web::resource(userinfo::PATH)
                    .route(web::get().to(userinfo::answer))
                    .route(web::post().to(userinfo::answer)),
            )
            .service(web::resource("/avatar/{subject}.png").route(web::get().to(picture)));
    })?;
    let (client_id, client_secret) = (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
    Ok(Oidc { issuer, client_id, client_secret, provider, _running: running })
}

async fn picture(subject: web::Path<String>) -> actix_web::HttpResponse {
    avatar::answer(&format!("oidc {subject}"))
}
