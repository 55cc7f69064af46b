using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Transactions;

/// <summary>The life of an interactive transaction: begin, look, keep alive, commit, roll back. What it reads and writes is <see cref="TransactionKeysApi"/>.</summary>
internal sealed class TransactionsApi(ITransactionStore transactions, ApiOptions options, TimeProvider time)
{
    private static readonly TimeSpan MinDuration = TimeSpan.FromSeconds(1);

    public async ValueTask<Failure?> BeginAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: "a transaction that nobody commits leaves nothing behind; begin another.");
        var body = await JsonBody.ReadOptionalAsync(context, ApiJson.Default.TransactionBody, options.MaxRequestBytes) ?? new TransactionBody();
        var begun = await transactions.BeginAsync(Bind(body), request.Timeout, context.RequestAborted);
        if (begun.Failure is not null)
            return begun.Failure;
        context.Response.StatusCode = StatusCodes.Status201Created;
        context.Response.Headers.Location = $"/v1/txn/{begun.Id}";
        await context.Response.WriteAsJsonAsync(OpenTransaction.Of(begun), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> FindAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: "a read changes nothing.");
        if (await transactions.FindAsync(request.Transaction, request.Timeout, context.RequestAborted) is not { } view)
            return TransactionRequest.NotFound(request.Transaction);
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(TransactionState.Of(view), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> CommitAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: null);
        var key = IdempotencyKey.Read(context.Request.Headers);
        await RequireNoBodyAsync(context);
        var stamp = RequestHash.Stamp(key, "POST /v1/txn/commit", request.Transaction.ToString());
        var result = await transactions.CommitAsync(request.Transaction, stamp, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;
        KeyHeaders.SetCommitted(context.Response.Headers, result.CommitTimestamp, result.IsRepeated, request.Session);
        await context.Response.WriteAsJsonAsync(new CommittedTransaction(result.CommitTimestamp.ToString()), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> RollbackAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: "rolling back twice is rolling back.");
        await RequireNoBodyAsync(context);
        if (await transactions.RollbackAsync(request.Transaction, request.Timeout, context.RequestAborted) is { } failure)
            return failure;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return null;
    }

    public async ValueTask<Failure?> KeepAliveAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: "it changes nothing that would last.");
        await RequireNoBodyAsync(context);
        var alive = await transactions.KeepAliveAsync(request.Transaction, request.Timeout, context.RequestAborted);
        if (alive.Failure is not null)
            return alive.Failure;
        await context.Response.WriteAsJsonAsync(OpenTransaction.Of(alive), context.RequestAborted);
        return null;
    }

    /// <summary>What a client says that the route does not know would be lost: it is refused.</summary>
    private async ValueTask RequireNoBodyAsync(HttpContext context) =>
        await JsonBody.ReadOptionalAsync(context, ApiJson.Default.EmptyBody, options.MaxRequestBytes);

    private TransactionOptions Bind(TransactionBody body)
    {
        var isolation = Isolation.Parse(body.Isolation);
        var asOf = AsOf.Parse(body.AsOf, time);
        if (!asOf.IsZero && !body.ReadOnly)
            throw BadInput.Request("asOf needs \"readOnly\":true: the past cannot be written.");
        return new TransactionOptions(isolation, body.ReadOnly, asOf, BindDuration(body.Timeout));
    }

    private static TimeSpan BindDuration(string? text)
    {
        if (text is null)
            return TransactionLimits.DefaultDuration;
        if (!Duration.TryParse(text, out var duration))
            throw BadInput.Request($"timeout is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}.");
        return duration >= MinDuration && duration <= TransactionLimits.MaxDuration
            ? duration
            : throw BadInput.Request($"timeout is '{QueryParameters.Shorten(text)}'; it must be from {Duration.Format(MinDuration)} to {TransactionLimits.MaxDuration.TotalSeconds:0}s.");
    }
}
