// Swagger UI over this server's own document; the online validator is switched off, so nothing leaves the machine.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

// What a session sends along with its cookie; without a session there is none.
const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
const withToken = (request) => {
  if (csrf) request.headers["X-CSRF-Token"] = csrf;
  return request;
};

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    requestInterceptor: withToken,
  });
});
