using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace GrainDb.Api.OpenApi;

/// <summary>The head of the document. It names no server: the same document holds for every node.</summary>
internal sealed class DocumentTransformer : IOpenApiDocumentTransformer
{
    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "GrainDb",
            Version = GrainDbApi.DocumentName,
            Description =
                "A distributed, multi-version key-value database. Values are raw bytes with their Content-Type, everything else is JSON. "
                + "Versions are commit timestamps, 16 hex digits. Every error is an RFC 9457 problem document whose outcome says whether the request took effect.",
        };
        document.Servers = [];
        return Task.CompletedTask;
    }
}
