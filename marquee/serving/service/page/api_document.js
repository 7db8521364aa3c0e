// Swagger UI on the service's own document; its validator badge would ask another host.
SwaggerUIBundle({ url: "docs.json", dom_id: "#api", validatorUrl: null });
