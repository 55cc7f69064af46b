using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;

namespace GrainDb.Api.Idempotency;

/// <summary>What the OpenAPI document says of routes that take an <c>Idempotency-Key</c>.</summary>
internal static class IdempotencyDocs
{
    private const string KeyText =
        "1 to 255 printable ASCII characters, chosen for this one request. Repeated with it, the request is given its original answer, for 24 hours; "
        + "with another payload it is refused where that meets the first one's record, in the range of its first write: draw keys at random. Only what took effect is remembered.";

    private const string BesideIdText =
        "1 to 255 printable ASCII characters, chosen for this one request. Where the body has no id, the id is made of this key: repeated with it, the request is answered with what the first one began, as long as that is kept, and with "
        + "another payload it is refused. Where the body has an id, the id alone does that, and this key is not looked at: with another id it begins another one.";

    public static TBuilder WithIdempotency<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithIdempotency(KeyText);

    /// <summary>Of routes that begin what has an id.</summary>
    public static TBuilder WithIdempotencyBesideId<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithIdempotency(BesideIdText);

    private static TBuilder WithIdempotency<TBuilder>(this TBuilder builder, string text)
        where TBuilder : IEndpointConventionBuilder => builder
        .WithHeader(IdempotencyKey.Header, text)
        .WithResponseHeader(IdempotencyKey.ReplayHeader, "true: this is the answer of the first request, and nothing was done now. Else absent.")
        .WithErrors(ErrorCode.IdempotencyInProgress, ErrorCode.IdempotencyMismatch);
}
