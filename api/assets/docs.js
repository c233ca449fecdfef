// Swagger UI over our own document; "Use my session" asks for an access token and keeps it in memory only.
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  // Deep links would put a link into each operation's button, where the keyboard and screen readers lose it.
  deepLinking: false,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: "none",
});

const state = document.getElementById("session-state");
document.getElementById("use-session").addEventListener("click", async () => {
  const answer = await fetch("/v1/auth/refresh", { method: "POST", headers: { "X-Lapidary-Refresh": "1" } });
  if (!answer.ok) {
    state.textContent = "You are not signed in. Sign in on the page first, then come back.";
    return;
  }
  const { access_token, expires_in } = await answer.json();
  ui.preauthorizeApiKey("bearer", access_token);
  state.textContent = `Your requests carry your session for ${Math.round(expires_in / 60)} minutes.`;
});
