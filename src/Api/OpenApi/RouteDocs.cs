using Microsoft.AspNetCore.Builder;
using Microsoft.OpenApi;

namespace GrainDb.Api.OpenApi;

/// <summary>A parameter of a route that binds by hand.</summary>
internal sealed record ParameterDoc(string Name, ParameterLocation In, string Description, bool Required, JsonSchemaType Type);

/// <summary>A header of a successful answer.</summary>
internal sealed record ResponseHeaderDoc(string Name, string Description);

/// <summary>A successful answer, or one that is no error.</summary>
internal sealed record ResponseDoc(int Status, string Description, Type? Body, string[] MediaTypes);

/// <summary>A request body of any bytes.</summary>
internal sealed record RawBodyDoc(string Description);

/// <summary>A JSON request body.</summary>
internal sealed record JsonBodyDoc(Type Type, bool Required);

/// <summary>The error codes that a route gives besides those of every route.</summary>
internal sealed record ErrorsDoc(ErrorCode[] Codes);

/// <summary>
/// What the OpenAPI document says of a route. The routes bind by hand, so what the framework would derive from signatures is
/// declared beside the route instead; <see cref="RouteDocsTransformer"/> puts it into the document.
/// </summary>
internal static class RouteDocs
{
    public static TBuilder WithPath<TBuilder>(this TBuilder builder, string name, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ParameterDoc(name, ParameterLocation.Path, description, Required: true, JsonSchemaType.String));

    public static TBuilder WithQuery<TBuilder>(this TBuilder builder, string name, string description, JsonSchemaType type = JsonSchemaType.String, bool required = false)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ParameterDoc(name, ParameterLocation.Query, description, required, type));

    public static TBuilder WithHeader<TBuilder>(this TBuilder builder, string name, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ParameterDoc(name, ParameterLocation.Header, description, Required: false, JsonSchemaType.String));

    public static TBuilder WithResponseHeader<TBuilder>(this TBuilder builder, string name, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ResponseHeaderDoc(name, description));

    /// <summary>An answer without a body.</summary>
    public static TBuilder WithAnswer<TBuilder>(this TBuilder builder, int status, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ResponseDoc(status, description, Body: null, []));

    /// <summary>An answer with a JSON body.</summary>
    public static TBuilder WithAnswer<TBuilder>(this TBuilder builder, int status, string description, Type body, params string[] mediaTypes)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ResponseDoc(status, description, body, mediaTypes.Length == 0 ? ["application/json"] : mediaTypes));

    /// <summary>An answer with the stored bytes.</summary>
    public static TBuilder WithRawAnswer<TBuilder>(this TBuilder builder, int status, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ResponseDoc(status, description, Body: null, ["*/*"]));

    public static TBuilder WithRawBody<TBuilder>(this TBuilder builder, string description)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new RawBodyDoc(description));

    public static TBuilder WithJsonBody<TBuilder>(this TBuilder builder, Type type, bool required)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new JsonBodyDoc(type, required));

    public static TBuilder WithErrors<TBuilder>(this TBuilder builder, params ErrorCode[] codes)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ErrorsDoc(codes));
}
