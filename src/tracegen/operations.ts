// What the made-up services do: the words of names and attributes. A table, so that traces look like real
// ones and are cheap to make.
//
// Keys follow OpenTelemetry's semantic conventions of HTTP, RPC, databases and messaging.
// Not here: which of it happens when (plan-trace.ts), columns (write-steps.ts).

export interface HttpOperation {
  readonly method: string;
  readonly route: string;
}

export interface RpcOperation {
  readonly service: string;
  readonly method: string;
}

export interface SqlOperation {
  readonly operation: string;
  readonly table: string;
  readonly statement: string;
}

export const HTTP: readonly HttpOperation[] = [
  { method: "GET", route: "/api/orders/{id}" },
  { method: "POST", route: "/api/orders" },
  { method: "GET", route: "/api/users/{id}" },
  { method: "GET", route: "/api/products" },
  { method: "PUT", route: "/api/carts/{id}" },
  { method: "DELETE", route: "/api/carts/{id}/items/{item}" },
];

export const RPC: readonly RpcOperation[] = [
  { service: "shop.Orders", method: "Get" },
  { service: "shop.Orders", method: "Place" },
  { service: "shop.Stock", method: "Reserve" },
  { service: "shop.Payments", method: "Charge" },
  { service: "shop.Prices", method: "Quote" },
];

export const SQL: readonly SqlOperation[] = [
  {
    operation: "SELECT",
    table: "orders",
    statement: "SELECT id, state, total FROM orders WHERE id = $1",
  },
  {
    operation: "INSERT",
    table: "orders",
    statement: "INSERT INTO orders (user_id, total) VALUES ($1, $2) RETURNING id",
  },
  {
    operation: "SELECT",
    table: "products",
    statement: "SELECT id, name, price FROM products WHERE category = $1 ORDER BY name LIMIT 50",
  },
  {
    operation: "UPDATE",
    table: "stock",
    statement: "UPDATE stock SET reserved = reserved + $1 WHERE product_id = $2",
  },
];

/** Commands of a cache. */
export const CACHE: readonly string[] = ["GET", "SET", "EXPIRE"];

/** Functions of a process. */
export const WORK: readonly string[] = ["render", "validate", "total", "serialize"];

/** Queues between processes. */
export const QUEUES: readonly string[] = ["orders", "emails", "invoices"];

export const ERRORS: readonly { readonly type: string; readonly message: string }[] = [
  { type: "TimeoutError", message: "no answer within 2000 ms" },
  { type: "ConnectionError", message: "connection reset by peer" },
  { type: "ValidationError", message: "quantity must be above zero" },
];
