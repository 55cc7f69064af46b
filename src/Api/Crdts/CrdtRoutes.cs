using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Crdts;

/// <summary>The routes of data types.</summary>
internal static class CrdtRoutes
{
    private const string Root = "/v1/crdt";
    private const string Tag = "Data types";

    public static void MapCrdts(this IEndpointRouteBuilder routes, Operations operations, CrdtApi api)
    {
        foreach (var inPath in new[] { true, false })
        {
            routes.MapKey("POST", operations.Endpoint("operate", api.PostAsync), inPath, Root).Addressed(inPath, "operateCrdt").WithTags(Tag)
                .WithSummary("Carries out an operation on a data type: a counter, set, map or register, as the keyspace's conflict policy says.")
                .WithJsonBody(typeof(CrdtBody), required: true)
                .WithIdempotency()
                .WithEventualParameters(write: true)
                .WithAnswer(StatusCodes.Status200OK, "What it holds now at the replica that coordinated the write.", typeof(CrdtView))
                .WithAnswer(StatusCodes.Status204NoContent, "With Idempotency-Key: carried out before; what it held then is not kept.")
                .WithEventualHeaders(write: true)
                .WithErrors([.. KeyRouteDocs.EventualWriteErrors, ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType]);
            routes.MapKey("GET", operations.Endpoint("getCrdt", api.GetAsync), inPath, Root).Addressed(inPath, "getCrdt").WithTags(Tag)
                .WithSummary("What a data type holds.")
                .WithEventualParameters(write: false)
                .WithAnswer(StatusCodes.Status200OK, "Its type and value.", typeof(CrdtView))
                .WithEventualHeaders(write: false)
                .WithErrors([.. KeyRouteDocs.EventualReadErrors, ErrorCode.KeyNotFound]);
        }
    }
}
