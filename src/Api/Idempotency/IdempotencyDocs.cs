using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;

namespace GrainDb.Api.Idempotency;

/// <summary>What the OpenAPI document says of routes that take an <c>Idempotency-Key</c>.</summary>
internal static class IdempotencyDocs
{
    private const string KeyText =
        "1 to 255 printable ASCII characters, chosen for this one request. Repeated with it, the request is given its original answer, for 24 hours; "
        + "with another payload it is refused where that meets the first one's record, in the range of its first write: draw keys at random. Only what took effect is remembered.";

    public static TBuilder WithIdempotency<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder
        .WithHeader(IdempotencyKey.Header, KeyText)
        .WithResponseHeader(IdempotencyKey.ReplayHeader, "true: this is the answer of the first request, and nothing was done now. Else absent.")
        .WithErrors(ErrorCode.IdempotencyInProgress, ErrorCode.IdempotencyMismatch);
}
