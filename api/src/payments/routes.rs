//! Routes of packs, checkouts and purchases.
use actix_web::http::header;
use actix_web::{HttpResponse, get, post, web};
use lapidary_contract::{Checkout, CreateCheckout, GemPack, GemPacks, List, PortalLink, Problem, Purchase, Receipt};
use uuid::Uuid;

use super::stripe::Expandable;
use super::{Payments, checkout, queries};
use crate::app::App;
use crate::auth::CurrentUser;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{IdempotencyKey, Json};
use crate::http::paging::{self, Listed, PageQuery};
use crate::http::request_log::RequestId;

/// Where nothing is sold any more, what was bought is still shown.
fn payments(app: &App) -> ApiResult<&Payments> {
    app.payments.as_ref().ok_or(ApiError::Unavailable { retry_after_seconds: 3600 })
}

/// What is sold here. Needs no sign-in.
#[utoipa::path(tag = "payments", operation_id = "list_gem_packs", security(()), responses((status = 200, body = GemPacks)))]
#[get("/v1/gem-packs")]
pub async fn list_gem_packs(app: web::Data<App>) -> web::Json<GemPacks> {
    let is_open = app.payments.is_some() && !app.catalogue.packs.is_empty();
    let packs = app.catalogue.packs.iter().filter(|_| is_open);
    let data = packs.map(|pack| GemPack {
        id: pack.id.clone(),
        gems: pack.gems,
        amount: pack.amount,
        currency: pack.currency.clone(),
    });
    web::Json(GemPacks { is_open, data: data.collect() })
}

/// Buy gems: begins a purchase and gives the address of its payment page.
#[utoipa::path(tag = "payments", operation_id = "create_checkout", request_body = CreateCheckout,
    params(("Idempotency-Key" = String, Header, example = "my-first-gems", description = "Yours, up to 255 characters; the same key is the same purchase for ever.")),
    responses(
        (status = 201, body = Checkout, description = "Begun, or the earlier purchase with this key as it is now.",
            headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing is sold here.", body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Twenty purchases of one day are not paid yet.", body = Problem,
            content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/checkouts")]
pub async fn create_checkout(
    app: web::Data<App>,
    user: CurrentUser,
    key: IdempotencyKey,
    request_id: RequestId,
    body: Json<CreateCheckout>,
) -> ApiResult<HttpResponse> {
    let payments = app.payments.as_ref().ok_or(ApiError::NotFound)?;
    let begun = checkout::begin(&app, &payments.stripe, &user, &key.0, &request_id.0, &body.0).await?;
    let location = format!("/v1/checkouts/{}", begun.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(begun))
}

/// One purchase as we know it now. Its page is named when it is begun, by a retry of that, and by a sync.
#[utoipa::path(tag = "payments", operation_id = "get_checkout", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Checkout), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/checkouts/{id}")]
pub async fn get_checkout(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Checkout>> {
    Ok(web::Json(checkout::read(&app, &user, *id).await?.checkout(None)?))
}

/// Restore a purchase: asks the payment vendor now instead of waiting to be told. May be called at any time.
#[utoipa::path(tag = "payments", operation_id = "sync_checkout", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Checkout), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 502, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/checkouts/{id}/sync")]
pub async fn sync_checkout(
    app: web::Data<App>,
    user: CurrentUser,
    id: web::Path<Uuid>,
) -> ApiResult<web::Json<Checkout>> {
    Ok(web::Json(checkout::sync(&app, &payments(&app)?.stripe, &user, *id).await?))
}

/// Your purchases, newest first.
#[utoipa::path(tag = "payments", operation_id = "list_purchases", params(PageQuery), responses(
    (status = 200, body = List<Purchase>), (status = 401, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/purchases")]
pub async fn list_purchases(
    app: web::Data<App>,
    user: CurrentUser,
    page: web::Query<PageQuery>,
) -> ApiResult<Listed<Purchase>> {
    let (limit, from) = (page.limit()?, page.keyset()?);
    let mut tx = app.db.begin_as(user.actor()).await?;
    let rows = queries::list(&mut tx, user.account_id, from, limit + 1).await?;
    tx.commit().await?;
    Ok(paging::list(rows, limit, |row| (row.created_at, row.id)))
}

/// Fresh links to the receipt and the invoice of a purchase.
#[utoipa::path(tag = "payments", operation_id = "get_receipt", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Receipt), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 502, body = Problem, content_type = "application/problem+json")))]
#[get("/v1/purchases/{id}/receipt")]
pub async fn get_receipt(app: web::Data<App>, user: CurrentUser, id: web::Path<Uuid>) -> ApiResult<HttpResponse> {
    let begun = checkout::read(&app, &user, *id).await?;
    let receipt = match begun.checkout_session {
        None => Receipt { receipt_url: None, invoice_url: None, invoice_pdf_url: None },
        Some(session) => {
            let session = payments(&app)?.stripe.session_with_receipt(&session).await?;
            let intent = session.payment_intent.as_ref().and_then(Expandable::whole);
            let charge = intent.and_then(|intent| intent.latest_charge.as_ref()).and_then(Expandable::whole);
            let invoice = session.invoice.as_ref().and_then(Expandable::whole);
            Receipt {
                receipt_url: charge.and_then(|charge| charge.receipt_url.clone()),
                invoice_url: invoice.and_then(|invoice| invoice.hosted_invoice_url.clone()),
                invoice_pdf_url: invoice.and_then(|invoice| invoice.invoice_pdf.clone()),
            }
        }
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-store")).json(receipt))
}

/// A page of the payment vendor's with all of your invoices and the billing address. It lives for minutes.
#[utoipa::path(tag = "payments", operation_id = "create_portal_link", responses(
    (status = 200, body = PortalLink), (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "You have bought nothing yet.", body = Problem, content_type = "application/problem+json"),
    (status = 502, body = Problem, content_type = "application/problem+json")))]
#[post("/v1/payments/portal")]
pub async fn create_portal_link(app: web::Data<App>, user: CurrentUser) -> ApiResult<web::Json<PortalLink>> {
    let mut tx = app.db.begin_as(user.actor()).await?;
    let customer = queries::customer(&mut tx, user.account_id).await?;
    tx.commit().await?;
    let customer = customer.ok_or(ApiError::IllegalTransition("You have bought nothing yet."))?;
    let return_url = format!("{}/gems", app.settings.origin());
    let url = payments(&app)?.stripe.portal(&customer, &return_url).await?;
    Ok(web::Json(PortalLink { url }))
}
