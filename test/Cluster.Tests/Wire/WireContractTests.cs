using System.Reflection;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Wire;

/// <summary>
/// What nodes say to each other is in a checked-in listing, so that a change of it shows in review. Ids and aliases are never
/// reused. <c>GRAINDB_WRITE_CONTRACTS=1</c> writes the listing anew.
/// </summary>
public sealed class WireContractTests
{
    private const string WriteVariable = "GRAINDB_WRITE_CONTRACTS";

    [Fact]
    public void The_committed_listing_is_what_the_code_says()
    {
        var path = Path.Combine(Root(), "docs", "formats", "wire-contracts.txt");
        var actual = string.Concat(Describe(typeof(Timestamp).Assembly).Select(line => line + "\n"));
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
            File.WriteAllText(path, actual);

        Assert.Equal(File.ReadAllText(path), actual);
    }

    [Fact]
    public void No_record_uses_an_id_twice()
    {
        foreach (var type in Records(typeof(Timestamp).Assembly))
        {
            var ids = Members(type).Select(member => member.Id).ToList();
            Assert.True(ids.Count == ids.Distinct().Count(), type.FullName);
        }
    }

    private static IEnumerable<string> Describe(Assembly assembly)
    {
        foreach (var grain in assembly.GetTypes().Where(type => type.IsInterface && Alias(type) is not null).OrderBy(Alias, StringComparer.Ordinal))
        {
            yield return $"interface {Alias(grain)}";
            foreach (var method in grain.GetMethods().OrderBy(Alias, StringComparer.Ordinal))
                yield return $"  {Alias(method)}({string.Join(", ", method.GetParameters().Select(parameter => Name(parameter.ParameterType)))}) -> {Name(method.ReturnType)}";
        }

        foreach (var record in Records(assembly))
        {
            yield return $"record {Alias(record)}";
            foreach (var (id, name, type) in Members(record).OrderBy(member => member.Id))
                yield return $"  {id} {name} {Name(type)}";
        }
    }

    private static IEnumerable<Type> Records(Assembly assembly) => assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null)
        .OrderBy(Alias, StringComparer.Ordinal);

    private static IEnumerable<(uint Id, string Name, Type Type)> Members(Type type) =>
        from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        let id = property.GetCustomAttribute<IdAttribute>()
        where id is not null
        select (id.Id, property.Name, property.PropertyType);

    private static string? Alias(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>()?.Alias;

    private static string Name(Type type)
    {
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        return type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : type.Name;
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "GrainDb.sln")))
            directory = directory.Parent ?? throw new InvalidOperationException("not inside the repository");
        return directory.FullName;
    }
}
