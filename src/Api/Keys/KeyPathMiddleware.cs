using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Keys;

/// <summary>
/// Runs before routing. Where a key's path holds escapes, dot segments or double slashes it gives routing a plain path in
/// place of the one that the server normalized, so that <c>/v1/kv/orders/../../admin/gc</c> is a key and never a way to
/// another route. Handlers take transaction, keyspace and key from the raw target (<see cref="KeyTarget"/>).
/// </summary>
internal sealed class KeyPathMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (KeyTarget.NeedsRewrite(RawTarget.Parse(raw).Path) && KeyTarget.TryParse(raw, out var target))
            context.Request.Path = PlainPath(target);
        return next(context);
    }

    private static PathString PlainPath(KeyTarget target) => (target.Root, target.HasKey) switch
    {
        (KeyRoot.Keys, true) => new("/v1/kv/-/-"),
        (KeyRoot.Keys, false) => new("/v1/kv/-"),
        (KeyRoot.History, true) => new("/v1/history/-/-"),
        (KeyRoot.History, false) => new("/v1/history/-"),
        (KeyRoot.Crdt, true) => new("/v1/crdt/-/-"),
        (KeyRoot.Crdt, false) => new("/v1/crdt/-"),
        (_, true) => new("/v1/txn/-/kv/-/-"),
        (_, false) => new("/v1/txn/-/kv/-"),
    };
}
