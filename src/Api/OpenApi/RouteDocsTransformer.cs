using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrainDb.Api.OpenApi;

/// <summary>Writes what <see cref="RouteDocs"/> declared into an operation of the document.</summary>
internal sealed class RouteDocsTransformer : IOpenApiOperationTransformer
{
    private const string ProblemSchema = "Problem";

    // Every route can refuse a malformed request, and can fail unexpectedly.
    private static readonly ErrorCode[] EveryRoute = [ErrorCode.InvalidRequest, ErrorCode.Internal];

    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (!metadata.OfType<ResponseDoc>().Any())
        {
            // A route of the host: it says by its signature what it answers, and answers errors as we do.
            await ReplaceProblemsAsync(operation, context, cancellationToken);
            return;
        }

        operation.Parameters = [.. metadata.OfType<ParameterDoc>().Select(ParameterOf)];
        await SetBodyAsync(operation, context, metadata, cancellationToken);

        var responses = new OpenApiResponses();
        var headers = metadata.OfType<ResponseHeaderDoc>().ToList();
        foreach (var doc in metadata.OfType<ResponseDoc>())
            Add(responses, StatusKey(doc.Status), await ResponseOfAsync(doc, headers, context, cancellationToken));
        await AddErrorsAsync(responses, metadata.OfType<ErrorsDoc>().SelectMany(doc => doc.Codes), context, cancellationToken);
        operation.Responses = responses;
    }

    private static async Task ReplaceProblemsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (var response in operation.Responses?.Values.OfType<OpenApiResponse>() ?? [])
        {
            if (response.Content?.ContainsKey(ProblemMapper.ContentType) == true)
                response.Content[ProblemMapper.ContentType] = await JsonAsync(typeof(Problem), context, cancellationToken, ProblemSchema);
        }
    }

    /// <summary>A second answer of the same status is another media type of the first.</summary>
    private static void Add(OpenApiResponses responses, string status, OpenApiResponse response)
    {
        if (!responses.TryGetValue(status, out var there) || there.Content is null)
        {
            responses[status] = response;
            return;
        }

        foreach (var (mediaType, content) in response.Content ?? new Dictionary<string, OpenApiMediaType>())
            there.Content[mediaType] = content;
    }

    private static OpenApiParameter ParameterOf(ParameterDoc doc) => new()
    {
        Name = doc.Name,
        In = doc.In,
        Description = doc.Description,
        Required = doc.Required,
        Schema = new OpenApiSchema { Type = doc.Type },
    };

    private static async Task SetBodyAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, IList<object> metadata, CancellationToken cancellationToken)
    {
        if (metadata.OfType<RawBodyDoc>().FirstOrDefault() is { } raw)
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Description = raw.Description,
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType> { ["*/*"] = Bytes() },
            };
        }
        else if (metadata.OfType<JsonBodyDoc>().FirstOrDefault() is { } json)
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = json.Required,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = await JsonAsync(json.Type, context, cancellationToken) },
            };
        }
    }

    private static async Task<OpenApiResponse> ResponseOfAsync(
        ResponseDoc doc, List<ResponseHeaderDoc> headers, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var response = new OpenApiResponse { Description = doc.Description };
        foreach (var header in headers)
        {
            response.Headers ??= new Dictionary<string, IOpenApiHeader>();
            response.Headers[header.Name] = new OpenApiHeader
            {
                Description = header.Description,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            };
        }

        foreach (var mediaType in doc.MediaTypes)
        {
            response.Content ??= new Dictionary<string, OpenApiMediaType>();
            response.Content[mediaType] = doc.Body is null ? Bytes() : await JsonAsync(doc.Body, context, cancellationToken);
        }

        return response;
    }

    private static async Task AddErrorsAsync(
        OpenApiResponses responses, IEnumerable<ErrorCode> codes, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var problem = await JsonAsync(typeof(Problem), context, cancellationToken, ProblemSchema);
        var byStatus = codes.Concat(EveryRoute).Distinct().Select(ErrorTable.Of).GroupBy(row => row.Status).OrderBy(group => group.Key);
        foreach (var group in byStatus)
        {
            var response = new OpenApiResponse
            {
                Description = string.Join("; ", group.Select(row => $"{row.Name}: {row.Title}")),
                Content = new Dictionary<string, OpenApiMediaType> { [ProblemMapper.ContentType] = problem },
            };
            if (group.Any(row => Failure.NotApplied(row.Code, "").Retryable))
            {
                response.Headers = new Dictionary<string, IOpenApiHeader>
                {
                    ["Retry-After"] = new OpenApiHeader { Description = "Seconds to wait.", Schema = new OpenApiSchema { Type = JsonSchemaType.Integer } },
                };
            }

            responses[StatusKey(group.Key)] = response;
        }
    }

    private static async Task<OpenApiMediaType> JsonAsync(
        Type type, OpenApiOperationTransformerContext context, CancellationToken cancellationToken, string? name = null)
    {
        var schema = await context.GetOrCreateSchemaAsync(type, parameterDescription: null, cancellationToken);
        var id = name ?? type.Name;
        context.Document!.AddComponent(id, schema);
        return new OpenApiMediaType { Schema = new OpenApiSchemaReference(id, context.Document) };
    }

    private static OpenApiMediaType Bytes() => new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" } };

    private static string StatusKey(int status) => status.ToString(CultureInfo.InvariantCulture);
}
