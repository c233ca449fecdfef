//! `/_control`: acts of people and banks for programs that are not in this process, what was delivered, and letters for
//! programs that deliver themselves.
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::super::acts::{Act, perform};
use super::super::{Vendor, deliveries, handle, locked};
use crate::control::is_from_elsewhere;

pub fn mount(app: &mut web::ServiceConfig) {
    app.route("/_control/acts", web::post().to(act))
        .route("/_control/objects/{kind}", web::get().to(objects))
        .route("/_control/deliveries", web::get().to(list_deliveries))
        .route("/_control/letters/{object}", web::get().to(letter))
        .route("/_control/events/{id}/resend", web::post().to(resend));
}

/// See [`Act`] for what may be asked; answers the object it was done to.
async fn act(vendor: web::Data<Vendor>, request: HttpRequest, act: web::Json<Act>) -> HttpResponse {
    if is_from_elsewhere(request.headers()) {
        return HttpResponse::Forbidden().body("only from this machine's programs");
    }
    let done = perform(&mut vendor.book(), act.into_inner());
    vendor.changed();
    match done {
        Ok(object) => HttpResponse::Ok().json(object),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            HttpResponse::build(status).json(json!({ "error": refusal.message() }))
        }
    }
}

/// Every object of a kind, oldest first.
async fn objects(vendor: web::Data<Vendor>, kind: web::Path<String>) -> HttpResponse {
    let all: Vec<Value> = vendor.book().all(&kind).iter().map(super::super::shapes::shown).collect();
    HttpResponse::Ok().json(all)
}

async fn list_deliveries(vendor: web::Data<Vendor>) -> HttpResponse {
    let all: Vec<Value> = locked(&vendor.delivered)
        .iter()
        .map(|one| json!({ "event": one.event, "type": one.kind, "url": one.url, "status": one.status }))
        .collect();
    HttpResponse::Ok().json(all)
}

/// The signature on the first line, the body after it.
async fn letter(vendor: web::Data<Vendor>, object: web::Path<String>) -> HttpResponse {
    match deliveries::newest_letter(&vendor.book(), &object) {
        Some((signature, body)) => HttpResponse::Ok().content_type("text/plain").body(format!("{signature}\n{body}")),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn resend(vendor: web::Data<Vendor>, id: web::Path<String>) -> HttpResponse {
    handle::resend(&mut vendor.book(), &id);
    vendor.changed();
    HttpResponse::NoContent().finish()
}
