using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace GrainDb.Api.Keyspaces;

/// <summary>Creation, listing, change and removal of keyspaces.</summary>
internal sealed class KeyspacesApi(IKeyspaceCatalog catalog, IKeyspaceDirectory directory, ApiOptions options)
{
    public const string ConfirmParameter = "confirm";

    public async Task<Ok<KeyspaceList>> ListAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        var keyspaces = await catalog.ListAsync(deadline.Token);
        return TypedResults.Ok(new KeyspaceList([.. keyspaces.Select(KeyspaceView.Of)]));
    }

    public async Task<Ok<KeyspaceView>> GetAsync(string name, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        var keyspace = KeyspaceName.IsValid(name) ? await catalog.GetAsync(name, deadline.Token) : null;
        return keyspace is null ? throw NotFound(name) : TypedResults.Ok(KeyspaceView.Of(keyspace));
    }

    public async Task<Results<Created<KeyspaceView>, Ok<KeyspaceView>>> PutAsync(string name, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        var idempotencyKey = IdempotencyKey.Read(context.Request.Headers);
        var bytes = await JsonBody.ReadOptionalBytesAsync(context, options.MaxRequestBytes);
        var body = bytes.Length == 0 ? new KeyspaceBody() : JsonBody.Parse(bytes, ApiJson.Default.KeyspaceBody);
        var stamp = RequestHash.Stamp(idempotencyKey, "PUT /v1/keyspaces", name, bytes);
        var change = await catalog.CreateAsync(KeyspaceBinder.Bind(name, body), stamp, deadline.Token);
        IdempotencyKey.SetReplay(context.Response.Headers, change.IsRepeated);
        return change.Created
            ? TypedResults.Created($"/v1/keyspaces/{change.Keyspace.Name}", KeyspaceView.Of(change.Keyspace))
            : TypedResults.Ok(KeyspaceView.Of(change.Keyspace));
    }

    public async Task<Ok<KeyspaceView>> PatchAsync(string name, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        var idempotencyKey = IdempotencyKey.Read(context.Request.Headers);
        var bytes = await JsonBody.ReadBytesAsync(context, options.MaxRequestBytes);
        var patch = KeyspaceBinder.BindPatch(name, JsonBody.Parse(bytes, ApiJson.Default.KeyspaceBody));
        if (await directory.FindAsync(name, KeyRequest.ReadTimeout(context.Request.Headers), deadline.Token) is { Family: KeyspaceFamily.Eventual })
            throw BadInput.Unsupported($"retention and defaultIsolation are not offered by family eventual: '{name}' keeps no old versions, and takes no part in transactions.");
        var stamp = RequestHash.Stamp(idempotencyKey, "PATCH /v1/keyspaces", name, bytes);
        var change = await catalog.UpdateAsync(name, patch, stamp, deadline.Token);
        IdempotencyKey.SetReplay(context.Response.Headers, change.IsRepeated);
        return TypedResults.Ok(KeyspaceView.Of(change.Keyspace));
    }

    public async Task<NoContent> DeleteAsync(string name, HttpContext context)
    {
        KeyspaceBinder.CheckName(name);
        using var deadline = Deadline.Start(context);
        var confirmed = QueryParameters.Read(context, ConfirmParameter).Text(ConfirmParameter);
        if (confirmed != name)
            throw BadInput.Request($"Deleting a keyspace deletes all of its keys: repeat its name as ?{ConfirmParameter}={name}.");
        var stamp = RequestHash.Stamp(IdempotencyKey.Read(context.Request.Headers), "DELETE /v1/keyspaces", name);
        var change = await catalog.DeleteAsync(name, stamp, deadline.Token);
        IdempotencyKey.SetReplay(context.Response.Headers, change.IsRepeated);
        return TypedResults.NoContent();
    }

    private static GrainDbException NotFound(string name) =>
        BadInput.Of(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{QueryParameters.Shorten(name)}'.");
}
