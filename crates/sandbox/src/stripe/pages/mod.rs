//! Pages of the vendor that people see, and the same acts for programs. Plain HTML, no script, nothing from elsewhere.
mod checkout;
mod control;
mod frame;
mod operator;
mod papers;

use actix_web::web;

pub fn mount(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/c/pay/{session}").route(web::get().to(checkout::show)).route(web::post().to(checkout::decide)),
    )
    .route("/operator", web::get().to(operator::show))
    .route("/operator/acts", web::post().to(operator::act))
    .route("/receipts/{charge}/{secret}", web::get().to(papers::receipt))
    .route("/invoices/{invoice}/{secret}", web::get().to(papers::invoice))
    .route("/invoices/{invoice}/{secret}/pdf", web::get().to(papers::invoice_pdf))
    .route("/p/session/{secret}", web::get().to(papers::portal))
    .configure(control::mount);
}
