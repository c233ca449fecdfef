//! What a person's browser does at a vendor: opens the page, fills the form as it stands there, is sent back.
use std::collections::HashMap;
use std::net::TcpListener;

use reqwest::{Client, Response, redirect};
use url::Url;

pub const APP: &str = "http://lapidary.test:8080";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub fn port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

pub fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).user_agent("lapidary-tests").no_proxy().build().unwrap()
}

/// Where a redirect leads: the address without its query, and the query.
pub struct Landing {
    pub at: String,
    pub query: HashMap<String, String>,
}

impl Landing {
    pub fn of(response: &Response) -> Self {
        assert_eq!(response.status(), 302, "{}", response.url());
        let to = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        let at = format!("{}{}", to.origin().ascii_serialization(), to.path());
        Self { at, query: to.query_pairs().into_owned().collect() }
    }

    pub fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// Opens the page and posts its form with these fields on top of the hidden ones.
pub async fn submit(browser: &Client, page: &str, fields: &[(&str, &str)]) -> Response {
    let shown = browser.get(page).send().await.unwrap();
    assert_eq!(shown.status(), 200, "{page}");
    let here = shown.url().clone();
    let html = shown.text().await.unwrap();
    let action = here.join(&attribute(&html, "action=\"").remove(0)).unwrap();
    let mut form = hidden_fields(&html);
    form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser.post(action).form(&form).send().await.unwrap()
}

pub async fn allow(browser: &Client, page: &str, person: &str) -> Landing {
    Landing::of(&submit(browser, page, &[("person", person), ("decision", "allow")]).await)
}

pub async fn deny(browser: &Client, page: &str) -> Landing {
    Landing::of(&submit(browser, page, &[("person", ""), ("decision", "deny")]).await)
}

pub fn address(base: &str, query: &[(&str, &str)]) -> String {
    Url::parse_with_params(base, query).unwrap().to_string()
}

fn hidden_fields(html: &str) -> Vec<(String, String)> {
    html.split("<input type=\"hidden\"")
        .skip(1)
        .map(|field| (attribute(field, "name=\"").remove(0), attribute(field, "value=\"").remove(0)))
        .collect()
}

/// Every value of an attribute, unescaped.
pub fn attribute(html: &str, opening: &str) -> Vec<String> {
    let plain = |text: &str| {
        text.replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    html.split(opening).skip(1).map(|rest| plain(rest.split('"').next().unwrap())).collect()
}
